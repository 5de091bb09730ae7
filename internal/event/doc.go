// Package event turns what Google Cloud delivers into causes: it takes bytes and
// says what happened, where, and who did it, or why a message leads to nothing.
//
// A message may be a log entry that a sink published, an audit event of
// Eventarc, an alert of Cloud Monitoring, a command, a heartbeat, or a file of
// any of these that a person hands to `iapguard explain`. Each of them comes in
// several envelopes: a Pub/Sub push, wrapped or not, and a CloudEvent in binary
// or structured mode, as JSON or protobuf, compressed or in UTF-16. No other
// package knows these shapes. One entry gives the same cause, with the same key,
// through every envelope.
//
// A message takes this path through the package:
//
//	Parse → envelope.go   what is inside (by content: headers are unreliable)
//	      → entry.go      the parts of a LogEntry that are read, as structs
//	      → call.go       the parts of an audited call: request, response, policies
//	      → method.go     the table of audited methods: a kind, or a reason
//	      → identity.go   project, location, service or other resource
//	      → Cause, or Reason with the details in words
//
// Package logfilter states the same table as filters for Cloud Logging.
//
// The package is pure. It has no clock and logs nothing, it reads nothing but
// the reader that Read is given, and its answer depends on its input alone.
//
// # Speed
//
// Nearly all entries of an organisation concern other APIs. Parse leaves such an
// entry at its serviceName, which costs an eighth of json.Unmarshal into a map;
// an entry that counts costs less than a third. test/bench measures both.
//
// # Trust
//
// Senders are authenticated before this package. The content of an entry is
// still partly in the hands of strangers: a container writes its own log lines,
// and a caller chooses its user agent and the names in requests that fail.
// Therefore:
//
//   - An audit payload counts only in the logs that Google alone can write
//     (cloudaudit.googleapis.com), and Cloud Run's request log only under its
//     own name: a container can print an httpRequest and any text to stdout. An
//     entry without a log name is accepted. Cloud Logging always delivers the
//     name, so only a person's file can lack it.
//   - A name is used only when it matches Google's grammar for it. Names are
//     sought in resource.labels, then in the resource name, then in request and
//     response. An invalid name makes the entry Unreadable, and so do two names
//     that contradict each other. The id and the number of a project do not
//     contradict each other, since this package cannot know whether they
//     belong together.
//   - A member that occurs twice in one object, with different values, makes the
//     entry Unreadable.
package event
