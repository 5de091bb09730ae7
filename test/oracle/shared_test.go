package oracle

import (
	"context"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/test/oracle/estate"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

var (
	sharing       = flag.Int("shared", 60, "how many estates are audited one by one and in another way")
	sharedFaulted = flag.Int("sharedfaulted", 1, "in how many of these each single read fails in turn")
)

// verdicts are what an audit says of each service, without what no two looks have in common.
func verdicts(looks []look, unlisted error) map[string]any {
	said := map[string]any{"unlisted": fmt.Sprint(unlisted)}
	for _, each := range looks {
		if each.err != nil {
			said[each.target.Name()] = each.err.Error()
			continue
		}
		final := each.final
		final.RunID, final.Calls, final.ElapsedMS = "", 0, 0
		said[each.target.Name()] = final
	}
	return said
}

// differs audits what is built one by one and in another way, and returns how these differ.
func (w *world) differs(ctx context.Context, as auditor) (string, error) {
	as.at = time.Now()
	looks, unlisted, err := w.looks(ctx, auditor{at: as.at})
	if err != nil {
		return "", err
	}
	others, unlistedThen, err := w.looks(ctx, as)
	if err != nil {
		return "", err
	}
	return cmp.Diff(verdicts(looks, unlisted), verdicts(others, unlistedThen), cmp.Comparer(sameTime)), nil
}

func sameTime(a, b time.Time) bool { return a.Equal(b) }

// A look that is fed from lists says what a look that reads for itself says: all of the report,
// not the verdict alone.
func TestLooksThatShareSayWhatEachSaysAlone(t *testing.T) { sameSaid(t, auditor{shared: true}) }

// The fields that lists are asked for are all that is read of them.
func TestMasksOfFieldsLeaveOutNothing(t *testing.T) { sameSaid(t, auditor{whole: true}) }

// sameSaid audits generated estates one by one and in another way, which has to say the same.
func sameSaid(t *testing.T, as auditor) {
	from := seedOf(t)
	var failed, services atomic.Int64
	each(t, *sharing, func(w *world, i int) {
		if failed.Load() >= *stories {
			return
		}
		e := estate.Generate(from, i)
		services.Add(int64(len(e.Services)))
		unlike := func(e estate.Estate) string {
			if err := w.Build(e); err != nil {
				return ""
			}
			diff, err := w.differs(t.Context(), as)
			if err != nil {
				return err.Error()
			}
			return diff
		}
		if unlike(e) != "" {
			failed.Add(1)
			small := estate.Shrink(e, func(smaller estate.Estate) bool { return unlike(smaller) != "" })
			t.Errorf("estate %d of seed %d (-one by one +%+v):\n%s\n%s", i, from, as, small, unlike(small))
		}
	})
	t.Logf("%d services in %d estates, %d estates differ", services.Load(), *sharing, failed.Load())
	if services.Load() < int64(*sharing) {
		t.Errorf("%d services in %d estates are too few", services.Load(), *sharing)
	}
}

// One read that fails may fail for many looks at once. What they say is never better than what a
// visitor gets, and no service is left out.
func TestFaultedSharedReadsHideNoOpenDoor(t *testing.T) {
	from := seedOf(t)
	var audits, failed atomic.Int64
	each(t, *sharedFaulted, func(w *world, i int) {
		e := estate.Small(from, i)
		entries, err := w.visits(e)
		if err != nil {
			t.Error(err)
			return
		}
		before, err := w.Calls()
		if err == nil {
			_, _, err = w.looks(t.Context(), auditor{shared: true})
		}
		if err != nil {
			t.Error(err)
			return
		}
		methods, err := w.readsSince(len(before))
		if err != nil {
			t.Error(err)
			return
		}
		for _, method := range methods {
			for _, f := range failuresOf(method) {
				audits.Add(1)
				if complaints := w.sharedBlind(t.Context(), e, entries, f); len(complaints) > 0 && failed.Add(1) <= *stories {
					t.Errorf("estate %d of seed %d, %s:\n%s\n%v", i, from, f, e, complaints)
				}
			}
		}
	})
	t.Logf("%d audits with one failing read", audits.Load())
	if audits.Load() < int64(20**sharedFaulted) {
		t.Errorf("%d audits in %d estates are too few to be all reads", audits.Load(), *sharedFaulted)
	}
}

// sharedBlind audits an estate that was visited while one read fails, and returns what is wrong
// with what is said. An audit that ends with an error shows nothing.
func (w *world) sharedBlind(ctx context.Context, e estate.Estate, entries []judge.Entry, f failure) []string {
	if err := w.SetFaults(f.json()); err != nil {
		return []string{err.Error()}
	}
	looks, unlisted, err := w.looks(ctx, auditor{shared: true})
	if cleared := w.SetFaults("[]"); cleared != nil {
		return []string{cleared.Error()}
	}
	if err != nil {
		return nil
	}
	reports, err := readLooks(looks, unlisted)
	if err != nil {
		return []string{err.Error()}
	}
	return judge.Judge(e, entries, reports)
}
