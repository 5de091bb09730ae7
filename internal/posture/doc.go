// Package posture is what was observed of one Cloud Run service and of every
// way to it, in our words: names, settings, IAM policies, load balancers. A fact
// is known or unread; it is never guessed. What follows from the facts is decided
// in other packages: door, caller, protection.
//
// The package knows no Google API, reads no clock and does no I/O.
package posture
