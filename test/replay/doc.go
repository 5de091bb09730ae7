// Package replay plays recorded exchanges with Google against the local cloud
// and compares statuses and answers field by field. What may differ is a short
// list of rules, each with its reason.
//
// The recordings lie beside the repository, in ../shared: exchanges of the real
// APIs, and the requests of a tour of gcloud. Where they are not there, the
// tests are skipped.
package replay
