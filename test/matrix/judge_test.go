package matrix

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// entry publishes a log entry as an event.
func (w *world) entry(entry map[string]any) {
	w.t.Helper()
	w.found.event++
	entry["insertId"] = fmt.Sprintf("event-%d", w.found.event)
	text, err := json.Marshal(entry)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Publish(playground.EventsTopic, string(text))
}

// disturbed is what somebody else changes in a world: a label of the service, and a member
// of its policy. The sink says so.
func (w *world) disturb() {
	w.t.Helper()
	service := w.service()
	w.Call(http.MethodPatch, "/v2/"+service+"?updateMask=labels", map[string]any{"labels": map[string]any{"kept": "yes"}})
	w.allowDora(service)
	w.stir()
	w.found.foreign += 2
	w.changed(service)
}

// allowDora adds a binding to the policy of a service, as gcloud does: it reads the policy again where
// somebody else was faster.
func (w *world) allowDora(service string) {
	w.t.Helper()
	for tries := 0; ; tries++ {
		policy := w.CallAs(w.Owner(), http.MethodGet, "/v2/"+service+":getIamPolicy?options.requestedPolicyVersion=3", nil)
		bindings, _ := policy["bindings"].([]any)
		policy["bindings"] = append(bindings, map[string]any{"role": "roles/run.viewer", "members": []any{"user:dora@example.com"}})
		_, err := w.Owner().Call(w.t.Context(), http.MethodPost, "/v2/"+service+":setIamPolicy", map[string]any{"policy": policy})
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "409") || tries == 20 {
			w.t.Fatal(err)
		}
	}
}

// service is the one that other people change.
func (w *world) service() string {
	first := w.scenario.estate.Services[0]
	return "projects/" + playground.Project + "/locations/" + first.Region + "/services/" + first.Name
}

// volatile are the keys that differ between two worlds in which the same was done.
var volatile = regexp.MustCompile(`^(etag|fingerprint|uid|id|generation|observedGeneration|creator|lastModifier|` +
	`conditions|terminalCondition|creationTimestamp|.*Time|urls|uri)$`)

var revision = regexp.MustCompile(`-(\d{5})-[a-z0-9]{3}$`)

// plain leaves out of a state what is volatile.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, each := range value {
			if !volatile.MatchString(key) {
				kept[revision.ReplaceAllString(key, "-$1")] = plain(each)
			}
		}
		return kept
	case []any:
		var kept []any
		for _, each := range value {
			kept = append(kept, plain(each))
		}
		slices.SortFunc(kept, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		return kept
	case string:
		return revision.ReplaceAllString(value, "-$1")
	}
	return value
}

// state is what matters of a world's state: services, policies, backend services, agents.
func (w *world) state() map[string]any {
	w.t.Helper()
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(w.Shown("state")), &all); err != nil {
		w.t.Fatal(err)
	}
	maps.DeleteFunc(all["compute"], func(name string, _ any) bool { return !strings.Contains(name, "/backendServices/") })
	kept := map[string]any{}
	for _, part := range []string{"run", "iamPolicies", "iap", "compute", "project"} {
		kept[part] = plain(all[part])
	}
	return kept
}

// end lets everything that has been published be handled, and judges how it all stands.
// Want is the state at the end of the undisturbed run, nil = this is that run.
func (w *world) end(want map[string]any) map[string]any {
	w.t.Helper()
	w.settle()
	if i := w.current.Load(); !i.alive() {
		w.complain("the instance has ended, and nobody asked it to: %v", i.how)
	}
	got := w.state()
	if want != nil {
		took, _ := want[stepsTaken].([]string)
		for _, step := range took {
			if !w.unread && !slices.Contains(w.steps(), step) {
				w.complain("no report of how a run ended has the step %s", step)
			}
		}
		got[stepsTaken] = took
		if diff := cmp.Diff(want, got); diff != "" {
			w.complain("the end state differs (-undisturbed +here):\n%s", diff)
		}
	}
	got[stepsTaken] = w.steps()
	w.foreignChanges()
	if !w.closed() {
		w.complain("no report says %s", w.scenario.outcome)
	}
	w.again()
	w.answered()
	w.prober.end()
	return got
}

// stepsTaken is the key of the steps in what an undisturbed run leaves.
const stepsTaken = "steps"

// steps are those that reports of how a run ended say are done. To provision IAP's agent is
// repeated, and leaves no trace.
func (w *world) steps() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, r := range w.reports {
		for _, s := range r.Steps {
			if name := s.Op + " " + s.Resource; r.Outcome != report.Started && s.Result == report.StepDone &&
				s.Op != "provision-agent" && !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// quote begins what an API says that the matrix makes refuse.
const quote = "The matrix says"

// foreignChanges counts what other people changed, and whether it is still there.
func (w *world) foreignChanges() {
	if w.found.foreign == 0 {
		return
	}
	service := w.CallAs(w.Owner(), http.MethodGet, "/v2/"+w.service(), nil)
	policy := w.CallAs(w.Owner(), http.MethodGet, "/v2/"+w.service()+":getIamPolicy", nil)
	for what, there := range map[string]bool{
		"the label":  strings.Contains(fmt.Sprint(service["labels"]), "kept:yes"),
		"the viewer": strings.Contains(fmt.Sprint(policy["bindings"]), "user:dora@example.com"),
	} {
		if there {
			w.found.kept++
			continue
		}
		w.found.lost++
		w.complain("a foreign change is lost: %s", what)
	}
}

// closed reports whether a run ended as it has to. Where something stays unread, what is
// written does not make a service protected: it is blocked then, and the report has the steps.
// So it is where the API refuses to say whether an operation has ended, which is quoted.
func (w *world) closed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.reports, func(r report.Report) bool {
		quoted := strings.Contains(strings.Join(r.Advice, "\n"), quote)
		done := slices.ContainsFunc(r.Steps, func(s report.Step) bool { return s.Result == report.StepDone })
		return r.Outcome == w.scenario.outcome || w.unread && r.Outcome == report.Blocked && (r.Exposed != "no" || quoted) && done
	})
}

// again looks at everything once more, which has to write nothing.
func (w *world) again() {
	w.t.Helper()
	before := len(w.Calls().Own().Writes())
	for _, s := range w.scenario.estate.Services {
		w.changed("projects/" + playground.Project + "/locations/" + s.Region + "/services/" + s.Name)
	}
	w.settle()
	for _, call := range w.Calls().Own().Writes()[before:] {
		if !strings.HasPrefix(call.Method, "storage.") {
			w.complain("another look writes: %d %s %s", call.Status, call.Method, call.Resource)
		}
	}
}

// answered complains of events that were acknowledged, or lost, without a report that names
// them and without a line in the log that does.
func (w *world) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	acknowledged := map[string]string{} // insertId to message
	for _, each := range w.deliveries {
		if each.status < http.StatusMultipleChoices && each.insertID != "" {
			acknowledged[each.insertID] = each.message
		}
	}
	log := w.log.String()
	for n := range w.found.event {
		insertID := fmt.Sprintf("event-%d", n+1)
		message, ok := acknowledged[insertID]
		if !ok {
			w.found.complaints = append(w.found.complaints, insertID+" is lost: it never was acknowledged")
			continue
		}
		reported := slices.ContainsFunc(w.reports, func(r report.Report) bool { return r.Cause.EventID == message })
		if !reported && !strings.Contains(log, `"`+message+`"`) && !strings.Contains(log, insertID) {
			w.found.silent++
			w.found.complaints = append(w.found.complaints, insertID+" is acknowledged in silence, message "+message)
		}
	}
	for _, state := range w.Broker.State() {
		if len(state.DeadLettered) > 0 {
			w.found.complaints = append(w.found.complaints, fmt.Sprintf("dead-lettered: %+v", state.DeadLettered))
		}
	}
}

// judged are the complaints.
func (w *world) judged() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.found.complaints)
}
