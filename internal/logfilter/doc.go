// Package logfilter states in Google's filter languages what package event
// understands in Go.
//
// A function that reads every audit entry of an organisation would pay for
// millions that concern no service. So Cloud Logging selects first: a sink has a
// filter, Eventarc has a trigger for each method, and a query of entries.list
// has a filter of its own. Each of these repeats what the table in package
// event says. Written by hand they drift apart: an entry that the function
// would act on is never delivered, without any error. This package makes them
// from the table instead.
//
//	Events, Requests   the filters of the two log sinks, in deploy/filters
//	Triggers           the methods of Eventarc triggers, in deploy/intake.yaml
//	Writes, Refusals,  the queries that the clients in internal/cloud send
//	ForeignTokens, IAPAnswers,
//	AppDenials, Visits
//
// # From "first row that matches" to a filter
//
// In the table the first row that matches a method decides. A filter has no
// order, so every row that acts becomes a clause of its own, and what earlier
// rows decide about is taken out of it by AND NOT. Clauses with the same
// condition are then merged. Patterns of methods become regular expressions in
// RE2, which is what Logging's =~ takes.
//
// # Where filter and reader differ
//
// A filter cannot check a name's grammar or compare two fields. Where it may
// differ from event.Parse it is the wider one: an entry too many costs one call,
// a missing entry hides a change. The cases in test/deploy list every known
// difference with its reason.
package logfilter
