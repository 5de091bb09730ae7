package run

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// keptGenerations bounds the number of services whose generation is kept.
const keptGenerations = 10_000

// newest keeps the newest generation of each service that was read or written: an answer of an
// older one is that of a cache or a replica that lags behind, and may show a door closed that was
// opened since. Source: run/v2's discovery document, Service.generation increases monotonically.
type newest struct {
	seen *lru.Cache[string, generation]
}

// generation is that of the service with an uid.
type generation struct {
	uid    string
	number int64
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

// note keeps the generation of a service, where it is newer. A service of several regions has one
// in each of them, and nobody says how its own goes with those: none is kept of it.
func (n newest) note(name string, found *run.GoogleCloudRunV2Service) {
	if strings.Contains(name, "/locations/"+posture.Global+"/") {
		return
	}
	if known := n.of(name); known.uid != found.Uid || known.number < found.Generation {
		n.seen.Add(name, generation{found.Uid, found.Generation})
	}
}

// check returns an error where an answer is older than what was seen before the question.
func (before generation) check(found *run.GoogleCloudRunV2Service) error {
	if found.Uid != before.uid || found.Generation == 0 || found.Generation >= before.number {
		return nil
	}
	return fault.New(fault.Unavailable, "the answer shows generation %d of the service, and generation %d was seen before: it "+
		"is read again", found.Generation, before.number)
}
