// Package doors holds tests that knock: who gets what at each door of a service,
// before, during and after it is protected, and what the logs say about it.
package doors
