package oracle

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/iapguard/iapguard/test/oracle/estate"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

var faulted = flag.Int("faulted", 1, "in how many estates each single read fails in turn")

// proof are the reads that together prove a run.app address open: of the service
// and of its IAM policy. The list is what finds the service.
var proof = []string{"run.projects.locations.services.get", "run.projects.locations.services.getIamPolicy",
	"run.projects.locations.services.list", "run.namespaces.services.list"}

// failure is one way in which one read fails. Places is where its list does not
// reach, "" = the whole call fails.
type failure struct {
	method, place string
	status        int
	reason        string
}

func (f failure) String() string {
	if f.place != "" {
		return f.method + " does not reach " + f.place
	}
	return strings.TrimSpace(fmt.Sprintf("%s answers %d %s", f.method, f.status, f.reason))
}

func (f failure) json() string {
	if f.place != "" {
		return fmt.Sprintf(`[{"action":"partial-lists","method":%q,"place":%q}]`, f.method, f.place)
	}
	reason := ""
	if f.reason != "" {
		reason = fmt.Sprintf(`,"reason":%q`, f.reason)
	}
	return fmt.Sprintf(`[{"action":"status","method":%q,"status":%d%s}]`, f.method, f.status, reason)
}

func failuresOf(method string) []failure {
	all := []failure{
		{method: method, status: http.StatusForbidden}, {method: method, status: http.StatusForbidden, reason: "SERVICE_DISABLED"},
		{method: method, status: http.StatusNotFound}, {method: method, status: http.StatusTooManyRequests},
		{method: method, status: http.StatusInternalServerError},
	}
	if strings.HasSuffix(strings.ToLower(method), "list") {
		all = append(all, failure{method: method, place: "us-central1"}, failure{method: method, place: "global"})
	}
	return all
}

// blind audits an estate that is built, and was visited, while one read fails.
// refused says that the audit itself ended with an error, which shows nothing.
func (w *world) blind(ctx context.Context, e estate.Estate, entries []judge.Entry, f failure) (verdict, bool, error) {
	if err := w.SetFaults(f.json()); err != nil {
		return verdict{}, false, err
	}
	reports, err := w.audit(ctx)
	if cleared := w.SetFaults("[]"); cleared != nil {
		return verdict{}, false, cleared
	}
	if err != nil {
		return verdict{}, true, nil
	}
	complaints := judge.Judge(e, entries, reports)
	if !slices.Contains(proof, f.method) {
		complaints = append(complaints, judge.Unproven(entries, reports)...)
	}
	return verdict{complaints, reports, entries}, false, nil
}

// failsBlind reports whether an estate breaks a promise while a read fails, and
// with which words.
func (w *world) failsBlind(e estate.Estate, f failure) []string {
	entries, err := w.visits(e)
	if err != nil {
		return nil
	}
	found, _, err := w.blind(context.Background(), e, entries, f)
	if err != nil {
		return nil
	}
	return found.complaints
}

func TestFaultsOfSingleReadsHideNoOpenDoor(t *testing.T) {
	from := seedOf(t)
	var failed, looks, refused, unread atomic.Int64
	each(t, *faulted, func(w *world, i int) {
		e := estate.Generate(from, i+40) // the larger ones
		if failed.Load() >= *stories {
			return
		}
		found, err := w.try(t.Context(), e)
		if err != nil {
			failed.Add(1)
			t.Errorf("estate %d of seed %d: %v\n%s", i, from, err, e)
			return
		}
		methods, err := w.Reads()
		if err != nil {
			t.Error(err)
			return
		}
		for _, method := range methods {
			for _, f := range failuresOf(method) {
				looks.Add(1)
				seen, loud, err := w.blind(t.Context(), e, found.entries, f)
				switch {
				case err != nil:
					failed.Add(1)
					t.Errorf("estate %d of seed %d, %s: %v", i, from, f, err)
				case loud:
					refused.Add(1)
				case len(seen.complaints) > 0 && failed.Add(1) <= *stories:
					small := estate.Shrink(e, func(smaller estate.Estate) bool { return len(w.failsBlind(smaller, f)) > 0 })
					t.Errorf("estate %d of seed %d, %s:\n%s\n%s", i, from, f, small, strings.Join(w.failsBlind(small, f), "\n"))
					if err := w.Build(e); err != nil {
						t.Error(err)
					}
				}
				if slices.ContainsFunc(seen.reports, func(r judge.Report) bool { return r.Exposed == "unknown" }) {
					unread.Add(1)
				}
			}
		}
	})
	t.Logf("%d looks with one failing read; %d ended with an error, %d with something that is not known", looks.Load(),
		refused.Load(), unread.Load())
	if looks.Load() < int64(20**faulted) {
		t.Errorf("%d looks in %d estates are too few to be all reads", looks.Load(), *faulted)
	}
}
