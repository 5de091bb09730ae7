// Package gcloud runs the real, unmodified gcloud against the local cloud, as
// a client that nobody here wrote. Where gcloud is not installed, the tests
// say that they were skipped.
package gcloud
