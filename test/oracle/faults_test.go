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

var faulted = flag.Int("faulted", 2, "in how many estates each single read fails in turn")

// proof are the reads that together prove a run.app address open: of the service
// and of its IAM policy. The list is what finds the service.
var proof = []string{"run.projects.locations.services.get", "run.projects.locations.services.getIamPolicy",
	"run.projects.locations.services.list", "run.namespaces.services.list",
	"run.projects.locations.instances.get", "run.projects.locations.instances.getIamPolicy",
	"run.projects.locations.instances.list", "run.namespaces.instances.list"}

// proofOfDirect are the reads that are needed beside those at a service with IAP of its
// own: of IAP's policy, whose name has the project's number.
var proofOfDirect = []string{"iap.getIamPolicy", "cloudresourcemanager.projects.get"}

// publicByCustomRole reports whether it takes the read of a role to prove that the public
// may invoke a service.
func publicByCustomRole(at estate.Place) bool {
	return slices.ContainsFunc(append(slices.Clone(at.Invokers), at.Access...), func(g estate.Grant) bool {
		public := g.Member == "allUsers" || g.Member == "allAuthenticatedUsers"
		return public && !strings.HasPrefix(g.Role, "roles/")
	})
}

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
		{method: method, status: http.StatusForbidden},
		{method: method, status: http.StatusForbidden, reason: "SERVICE_DISABLED"},
		{method: method, status: http.StatusNotFound}, {method: method, status: http.StatusTooManyRequests},
		{method: method, status: http.StatusInternalServerError},
	}
	if strings.HasSuffix(strings.ToLower(method), "list") {
		for _, place := range []string{"us-central1", "europe-west1", "global"} {
			all = append(all, failure{method: method, place: place})
		}
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
		proven := e
		proven.Services = slices.DeleteFunc(slices.Clone(e.Services), func(s estate.Service) bool {
			return s.DirectIAP && slices.Contains(proofOfDirect, f.method) ||
				strings.HasSuffix(f.method, "roles.get") && slices.ContainsFunc(s.Places(), publicByCustomRole)
		})
		complaints = append(complaints, judge.Unproven(proven, entries, reports)...)
	}
	return verdict{complaints, reports, entries, nil}, false, nil
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

// readsOf audits an estate that is built, and names the methods with which it was read.
func (w *world) readsOf(ctx context.Context) ([]string, error) {
	before, err := w.Calls()
	if err != nil {
		return nil, err
	}
	if _, err := w.audit(ctx); err != nil {
		return nil, err
	}
	return w.readsSince(len(before))
}

// readsSince are the methods of the reads after so many calls.
func (w *world) readsSince(before int) ([]string, error) {
	after, err := w.Calls()
	if err != nil {
		return nil, err
	}
	var methods []string
	for _, call := range after[before:] {
		if !call.Write && !slices.Contains(methods, call.Method) {
			methods = append(methods, call.Method)
		}
	}
	return methods, nil
}

// looks counts audits in which one read failed.
type looks struct{ all, failed, refused, unknown atomic.Int64 }

// fail audits an estate that was visited while each single read fails in turn. Name is the
// estate's.
func (w *world) fail(t *testing.T, name string, e estate.Estate, counts *looks) {
	entries, err := w.visits(e)
	if err != nil {
		counts.failed.Add(1)
		t.Errorf("%s: %v\n%s", name, err, e)
		return
	}
	methods, err := w.readsOf(t.Context())
	if err != nil {
		counts.failed.Add(1)
		t.Errorf("%s, auditing without a fault: %v\n%s", name, err, e)
		return
	}
	for _, method := range methods {
		for _, f := range failuresOf(method) {
			counts.all.Add(1)
			seen, loud, err := w.blind(t.Context(), e, entries, f)
			switch {
			case err != nil:
				counts.failed.Add(1)
				t.Errorf("%s, %s: %v", name, f, err)
			case loud:
				counts.refused.Add(1)
			case len(seen.complaints) > 0 && counts.failed.Add(1) <= *stories:
				small := estate.Shrink(e, func(smaller estate.Estate) bool { return len(w.failsBlind(smaller, f)) > 0 })
				t.Errorf("%s, %s:\n%s\n%s", name, f, small, strings.Join(w.failsBlind(small, f), "\n"))
				if err := w.Build(e); err != nil {
					t.Error(err)
				}
			}
			if slices.ContainsFunc(seen.reports, func(r judge.Report) bool { return r.Exposed == "unknown" }) {
				counts.unknown.Add(1)
			}
		}
	}
}

func TestFaultedReadsHideNoOpenDoor(t *testing.T) {
	from := seedOf(t)
	var counts looks
	each(t, *faulted, func(w *world, i int) {
		if counts.failed.Load() < *stories {
			w.fail(t, fmt.Sprintf("estate %d of seed %d", i, from), estate.Small(from, i), &counts)
		}
	})
	t.Logf("%d looks with one failing read; %d ended with an error, %d with something that is not known",
		counts.all.Load(), counts.refused.Load(), counts.unknown.Load())
	if counts.all.Load() < int64(20**faulted) {
		t.Errorf("%d looks in %d estates are too few to be all reads", counts.all.Load(), *faulted)
	}
}
