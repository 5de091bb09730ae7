// Package doctor answers one question: why does this service's visitor get 403,
// and what the remedy is? It is one pure decision over evidence that others have
// gathered.
//
// Most of it is about what not to do. Anyone on the internet can cause a 403, so
// the one cure that costs something, a new revision, needs proof: the agent's
// grant is there and has had time to propagate, the refusal is newer than that
// and than the revision that serves, and no redeploy of ours has been tried.
// The verdict on what cannot be read, or is contradictory, is unknown.
package doctor
