// Package collection is the machine behind the local cloud's APIs.
//
// A Kind is one row: the discovery documents and methods that it serves, the grammar
// of its ids, its permissions, what is filled in, and the rules that no document has.
// From it come the routes, list, get, create, patch, update and delete, paging,
// masks, etags, the IAM policy, and the audit record. Package schema refuses what
// Google refuses by type. What is left for an API to write is behaviour.
package collection
