package run

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/fault"
)

// keptGenerations bounds the number of services whose generation is kept.
const keptGenerations = 10_000

// newest keeps the newest generation of each service that was read or written: an answer of an
// older one is that of a cache or a replica that lags behind, and may show a door closed that was
// opened since. Source: run/v2's discovery document, Service.generation increases monotonically.
type newest struct {
	seen *lru.Cache[string, generation]
}

// generation is that of the service with an uid, and when it came to be.
type generation struct {
	uid     string
	number  int64
	updated time.Time
}

func generationOf(found *run.GoogleCloudRunV2Service) generation {
	updated, _ := time.Parse(time.RFC3339Nano, found.UpdateTime) // zero where it says none
	return generation{found.Uid, found.Generation, updated}
}

func newNewest() newest {
	seen, err := lru.New[string, generation](keptGenerations)
	if err != nil {
		panic(err) // the size is a constant
	}
	return newest{seen}
}

// of is what was seen of a service by now.
func (n newest) of(name string) generation {
	known, _ := n.seen.Get(name)
	return known
}

// note keeps the generation of a service, unless it is older.
func (n newest) note(name string, found *run.GoogleCloudRunV2Service) {
	if now := generationOf(found); !now.olderThan(n.of(name)) {
		n.seen.Add(name, now)
	}
}

// check returns an error where an answer is older than what was seen before the question.
func (before generation) check(found *run.GoogleCloudRunV2Service) error {
	if now := generationOf(found); !now.olderThan(before) {
		return nil
	}
	return fault.New(fault.Unavailable, "the answer shows generation %d of the service, and generation %d was seen before: it "+
		"is read again", found.Generation, before.number)
}

// olderThan reports whether an answer is of an older generation of the same service, and says that
// it was not changed since. A smaller generation that was changed since counts as newer: a change of
// a service of several regions may begin the count of one of them anew (unverified; the local cloud
// does so).
func (g generation) olderThan(before generation) bool {
	return g.uid == before.uid && g.number != 0 && g.number < before.number && !g.updated.After(before.updated)
}
