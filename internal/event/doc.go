// Package event reads what Google Cloud delivers and says what happened: it
// turns bytes into causes, or into the reason why a message leads to nothing.
//
// It is the only place that knows envelopes (CloudEvents, Pub/Sub pushes,
// files) and the shapes of log entries. Within it the way of a message is
//
//	Parse → envelope (what is inside) → entry (its fields) → method table →
//	identity (which project, location, service) → Cause or Reason
//
// Everything here is pure: no clock, no I/O beyond the reader that Read is
// given, no logging, and no answer that depends on anything but its input.
//
// # Trust
//
// Who may deliver is decided before this package. What is inside a delivered
// entry is still partly in the hands of strangers: a container chooses its
// own log lines, a caller its user agent and the names in failed requests.
// Therefore:
//
//   - Audit payloads count only from the logs that Google alone can write
//     (cloudaudit.googleapis.com), and Cloud Run's request log only under its
//     own name: a container's JSON on stdout may carry an httpRequest and any
//     text. An entry without a log name is accepted, because Cloud Logging
//     never delivers one without it; only a person's file can.
//   - A name is used only when it matches Google's grammar for it. The order
//     is resource.labels, resource name, request and response; two of them
//     that contradict each other make the entry Unreadable, as does one that
//     is no valid name. A project's id and its number do not contradict each
//     other: nothing here can tell whether they belong together.
//   - A member that stands twice with different values inside one object that
//     is read makes the entry Unreadable.
package event
