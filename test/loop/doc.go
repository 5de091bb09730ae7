// Package loop tests the whole walk of an event over HTTP: a write through the
// local cloud's APIs is logged, routed, pushed to the function, handled, and
// reported.
package loop
