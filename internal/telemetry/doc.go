// Package telemetry exports traces and metrics of the function with OpenTelemetry.
// It is the only package that knows OpenTelemetry.
//
// A delivered message becomes a trace. Its span has a child for each part of the
// handling (parse, resolve, reconcile, observe, plan, publish), and those have a
// child for each call of a Google API. The work message that an event leads to
// carries the trace on. A few metrics count reports and steps, by attributes with
// few values: no metric names a service or a person.
//
// The standard OTEL_* variables configure the export. Without one that names a
// destination the package is off: *Telemetry is nil, its methods do nothing and
// allocate nothing.
//
// Telemetry must never delay the function. What a collector does not accept in
// half a second is dropped, and the function then leaves the collector alone for
// thirty seconds.
package telemetry
