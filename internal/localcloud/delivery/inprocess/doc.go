// Package inprocess is the Pub/Sub service, google.pubsub.v1 over gRPC, in this
// process: topics, subscriptions, snapshots and schemas with the messages in them.
//
// It stores push configurations and does not push: package delivery does, for which
// Hooks say what changes. pstest of Google's client library was not enough: its
// Seek to the past panics in the goroutine that delivers, it drops what was not
// pulled for ten minutes, counts delivery attempts over all subscriptions of a topic
// together, and has neither snapshots nor ModifyPushConfig (pubsub/v2 2.8.1,
// pstest/fake.go).
//
// Messages are kept in memory until they are acknowledged, and longer where a
// subscription or its topic retains them. Filters, ordering keys, acknowledgement
// deadlines, retry policies and dead-letter topics work as documented. Exports to
// BigQuery are package delivery's too. Those to Cloud Storage, ingestion, message
// transforms and exactly-once delivery are stored and have no effect. Schemas are kept,
// not compiled, and topics with one take every message.
package inprocess
