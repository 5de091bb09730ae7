// Package pubsub is Pub/Sub's REST API: each method of Google's discovery document is
// translated into the gRPC method of the same broker that carries iapguard's own
// messages, by the HTTP rules of google.pubsub.v1. What a method needs, logs and
// refuses by type is the API server's, as for every API.
//
// The permission of an IAM policy on a topic or a subscription counts as any grant
// does; nothing is asked of who pushes: see UNVERIFIED.md.
package pubsub
