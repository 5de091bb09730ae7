// Package schema knows the methods and messages of the Google APIs that the
// local cloud serves, as Google's discovery documents describe them.
//
// The documents come from module google.golang.org/api. Command generate trims
// them to what is served (generate/served.go) and writes them into this
// package; a document is decoded when it is first asked for.
//
// A message that a client sent goes through API.Normalize, which refuses what
// Google refuses by type, in Google's words, and returns the one form that
// handlers work with. An answer is held against its message by API.Violations.
//
// How Google's front end reads JSON is in the source of protobuf's former C++
// JSON parser (google/protobuf/util/internal), and its errors say so. Texts
// that no recording shows are marked unverified.
package schema

//go:generate go run ./generate .
