// Package filters is what of Cloud Logging reaches the function. The filters are
// templates in events.filter and requests.filter, which Terraform reads too;
// this package only lets Go programs read the same files.
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

// Events is the filter of the sink of changes for a function that writes as the
// accounts, given by their e-mails: at least one.
func Events(own string, more ...string) string {
	list := strconv.Quote(own)
	for _, account := range more {
		list += " OR " + strconv.Quote(account)
	}
	return strings.ReplaceAll(events, "${own}", "("+list+")")
}

// Requests is the filter of refused requests.
func Requests() string { return requests }
