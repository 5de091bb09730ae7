// Package caller judges what a change means to those who call a service now:
// push subscriptions, Eventarc triggers, Scheduler jobs and the visitors in the
// request log. A caller is affected only by a change to the route that it takes.
//
// The package is pure: it knows no Google API, reads no clock and does no I/O.
package caller
