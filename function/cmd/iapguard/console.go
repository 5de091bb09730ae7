package main

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// consoleNames finds the full names of services and of backend services. They consist of
// letters, digits and a few signs, so that a text of others can begin no other address.
var consoleNames = regexp.MustCompile(`projects/((?:[a-z0-9.-]+:)?[a-z0-9-]+)/` +
	`(?:locations/([a-z0-9-]+)/services/([a-z0-9-]+)|(global|regions/[a-z0-9-]+)/backendServices/([a-z0-9-]+))`)

// consolePage is the page of Google's console about the resource of a full name.
func consolePage(name []string) string {
	project, location, service, backend := url.QueryEscape(name[1]), name[2], name[3], name[5]
	const console = "https://console.cloud.google.com/"
	switch {
	case service != "":
		return console + "run/detail/" + location + "/" + service + "?project=" + project
	case name[4] == "global":
		return console + "net-services/loadbalancing/backends/details/backendService/" + backend + "?project=" + project
	}
	return console + "net-services/loadbalancing/list/backends?project=" + project
}

// linked has the full names in a text that is escaped link to the console (OSC 8).
func (r rendering) linked(text string) string {
	if !r.links {
		return text
	}
	var b strings.Builder
	rest := 0
	for _, at := range consoleNames.FindAllStringSubmatchIndex(text, -1) {
		if at[0] > 0 && inName(text[at[0]-1]) || at[1] < len(text) && inName(text[at[1]]) {
			continue // a part of another name
		}
		name := consoleNames.FindStringSubmatch(text[at[0]:at[1]])
		b.WriteString(text[rest:at[0]] + "\x1b]8;;" + consolePage(name) + "\x1b\\" + name[0] + "\x1b]8;;\x1b\\")
		rest = at[1]
	}
	return b.String() + text[rest:]
}

// inName reports whether a name goes on with a byte.
func inName(c byte) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
	return letter || c >= '0' && c <= '9' || c == '/' || c == '-' || c == '_'
}
