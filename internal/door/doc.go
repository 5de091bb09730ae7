// Package door answers, for one observed service, who gets in where: every
// address at which a request can reach the service is a Door, and its Guard is
// what the least privileged visitor meets there. It also holds who may invoke
// the service, and how an answer to a probe is read.
//
// The package is pure: it knows no Google API, reads no clock and does no I/O.
package door
