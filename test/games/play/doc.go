// Package play makes up games: what stands in a project at the start, which rights an
// adversary has, and what the adversary does with them, when. Generate draws a game from
// a seed, Shrink takes from it what is not needed, and String describes it to a person.
// The package knows nothing of iapguard and makes no calls.
package play
