// Package doctor plays the whole story of each 403 on the local cloud: a client
// is refused at the data plane, Cloud Run logs it, the entry or an alert comes to
// the function, a verdict follows, and the client is served again, or the report
// says what a person has to do.
package doctor
