// Package telemetry says what the function does, in OpenTelemetry's words: which
// trace a request is part of, a span for each part of the walk with the calls of
// Google's APIs below it, and a few metrics with few attributes each. It is the
// only package that knows OpenTelemetry. Switched off, which it is unless a
// standard OTEL_* variable says where to export to, its one pointer is nil and
// costs nothing.
//
// It never stands in the way: what a collector does not take in time is dropped,
// and after that the collector is left alone for a while.
package telemetry
