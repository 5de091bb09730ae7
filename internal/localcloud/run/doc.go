// Package run is the local cloud's Cloud Run: one state with two faces, the
// Admin API v2 (google.cloud.run.v2) and the Knative API v1 that gcloud and
// the console use. What one face writes the other shows.
//
// A service is kept as its v2 fields; what only v1 can say (annotations and
// labels of Google's namespaces) is kept beside them. Answers follow recorded
// exchanges; what no recording shows is listed in UNVERIFIED.md of the local
// cloud.
package run
