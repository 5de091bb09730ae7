// Package logging is the local cloud's Cloud Logging: it turns audit records
// into log entries as Google writes them, keeps the latest ones, and routes
// them through sinks to Pub/Sub topics and to live subscribers.
//
// The shape of entries follows recorded ones; what no recording shows is
// listed in UNVERIFIED.md of the local cloud.
package logging
