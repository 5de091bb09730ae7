// Package stop ends the binary as Cloud Run does, with SIGTERM and ten seconds
// later SIGKILL, in the middle of its work, and lets a second instance go on.
package stop
