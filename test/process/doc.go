// Package process runs the binary as it is deployed, in a process of its own, as
// Cloud Run does: with its environment and its metadata server, with one message
// after another, and in the end with SIGTERM and ten seconds later SIGKILL, in the
// middle of its work, after which a second instance goes on.
package process
