// Package filters holds the filters of the log sinks: they select the entries that
// Cloud Logging delivers to the function. Package logfilter generates them.
// Terraform reads the files events.filter and requests.filter as templates, and
// this package lets Go programs read the same files.
package filters

import (
	_ "embed"
	"strconv"
	"strings"
)

var (
	//go:embed events.filter
	events string
	//go:embed requests.filter
	requests string
)

// Events is the filter of the sink of changes, for a function that writes as these
// accounts, by their e-mails.
func Events(own string, more ...string) string {
	list := strconv.Quote(own)
	for _, account := range more {
		list += " OR " + strconv.Quote(account)
	}
	return strings.ReplaceAll(events, "${own}", "("+list+")")
}

// Requests is the filter of the sink of refused requests.
func Requests() string { return requests }
