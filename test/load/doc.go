// Package load sends the deployed function and the reader more than a day
// brings, on loopback only and for a bounded time.
package load
