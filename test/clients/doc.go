// Package clients runs Google's own client libraries against the local cloud: those
// of Node.js over REST, the generated and the older ones of Go. Each makes, reads,
// lists by pages, changes and deletes something, sets its IAM policy, and recognises
// an error.
package clients
