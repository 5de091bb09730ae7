// Package doors holds tests of the data plane: who gets what at each door of a service,
// before, during and after it is protected, and what the logs say about it.
package doors
