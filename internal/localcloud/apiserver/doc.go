// Package apiserver is what every API of the local cloud shares: the one place
// that every call goes through (routes, callers, the call log, audit records,
// answers and error bodies), the project and its service agents, IAM policies,
// ids, the clock and long-running operations.
//
// An API is a value: its Routes and how its state is shown and emptied. It is
// added with Serve, and its handlers receive a Call and return an answer or an
// error; how either looks on the wire is the server's affair.
package apiserver
