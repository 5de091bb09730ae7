// Package posture is the domain: what was observed of a Cloud Run service and
// of every way to it (Posture), what is wanted of it (Settings), and the pure
// comparison of the two (Assess), whose results are Findings.
//
// One protection is one file: it says when the protection is missing, and its
// test has a row in which everything is already right and nothing is found.
// The package knows no Google API, reads no clock and does no I/O.
package posture
