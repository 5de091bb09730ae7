// Package memory keeps the facts that no Google API stores: since when a door has
// been open, what we guarded, how often a field was undone, what we wrote, and who
// approved it.
//
// # Records
//
// A record is one small JSON object under a name:
//
//	service/P/L/S            one Cloud Run service, by name and uid
//	hour/HOUR/project/P      the services that took a slot of a limit, in one project
//	hour/HOUR/deployment     the same for the whole deployment
//	plan/RUN                 the steps of a run, for 30 days
//	offer/PLAN               a plan that waits for an approval, for 30 days
//	command/ID               who sent a command with a token, for 30 days
//	token/SUM                an identity token that a command came with, for a day
//	due/MINUTE/KEY           work that is due at a time
//	guarded/XX               a part of the index of guarded services
//	policy/SUM/N             a part of a policy's text that was in force
//	heartbeat                the key of our heartbeats
//	deployment               circuit breaker, sweeps, last good policy and holds
//
// A record is written at a transition (opened, closed, written by us, undone,
// approved), never for a mere look: an object of Cloud Storage takes about one write
// a second.
//
// # Reading and changing
//
// Every change reads the record, changes it, and writes it over the generation that
// was read. When another instance came first, the record is read again and the
// change is made on the newer one. A change is therefore a function of the record
// alone, and safe to repeat.
//
// The size of a record is bounded. Encoding drops the entries that do not fit, the
// oldest first, and marks the record as Truncated.
//
// A record can be missing (ErrMissing), unreadable (ErrUnreadable), or older than a
// known one (ErrRollback), and each calls for another answer. Nothing in a record
// outweighs a fresh read of the resource.
package memory
