// Package memory keeps the facts that no API of Google's keeps: since when a
// door is open, what we guarded, how often a field was undone, what we wrote,
// and who approved it.
//
// # Records
//
// A record is one small JSON object under a name:
//
//	service/P/L/S            one Cloud Run service, by name and uid
//	hour/HOUR/project/P      which services took a slot of the limits, in one project
//	hour/HOUR/deployment     the same for the whole deployment
//	plan/RUN                 the steps of an open run
//	due/MINUTE/KEY           work that waits for a time
//	deployment               circuit breaker, sweeps, last good policy and holds
//
// A record is written at a transition (opened, closed, our write, undone,
// approved), never because somebody looked: an object of Cloud Storage takes
// about one write a second.
//
// # Reading and changing
//
// Every change is read, change, compare-and-swap. When another instance was
// quicker, the record is read again and the change is made on what is there now,
// so a change must be a function of the record alone and safe to repeat.
//
// A record has a size at most. What does not fit is dropped when the record is
// encoded, oldest entries first, and the record says so (Truncated).
//
// Missing, unreadable and rolled back are three different answers. ErrMissing
// means that the store has no such record. ErrUnreadable means that nobody knows
// what it holds. ErrRollback means that an older state than the one known has
// come back. Nothing that is read here outweighs a fresh read of the resource.
package memory
