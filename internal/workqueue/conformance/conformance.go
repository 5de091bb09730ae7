// Package conformance tests the effects of a work queue, as package workqueue
// describes them, on any form of it.
package conformance

import (
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/workqueue"
)

// GiveUpAfter is how long a queue under test tries an item.
const GiveUpAfter = 45 * time.Minute

// Factory starts a queue in front of workers that have these options, one worker
// for each process. Items that were added go to the workers in turn. The factory
// stops what it started when the test ends.
type Factory func(t *testing.T, processes []workqueue.Options) workqueue.Queue

// Run tests every effect.
func Run(t *testing.T, factory Factory) {
	for name, test := range map[string]func(*testing.T, Factory){
		"one look at a key at a time":                oneAtATime,
		"different keys side by side":                sideBySide,
		"no look before its time":                    notBefore,
		"a long wait outlives the delivery":          longWait,
		"a long wait without records is redelivered": longWaitWithoutRecords,
		"a record that cannot be stored":             recordNotStored,
		"waiting items share one look":               waitingTogether,
		"a new item shortens a long wait":            newItem,
		"items during a look share the next":         duringALook,
		"an item alone gets its own look":            alone,
		"an urgent item does not wait":               urgent,
		"a failed look is made again":                failure,
		"another process makes one look more":        otherProcess,
		"giving up does not move":                    giveUp,
		"giving up on one item leaves the others":    giveUpOne,
		"a deferred item cancels no other":           apart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, factory)
		})
	}
}
