package function

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// governing is a policy file with the processes that read it, and the memory between them.
type governing struct {
	t      *testing.T
	name   string
	clock  *cloudtest.Clock
	store  *failing
	memory *memory.Memory
	lines  bytes.Buffer
}

// failing is a store that fails while it has an error.
type failing struct {
	memory.Store
	err error
}

func (f *failing) Get(ctx context.Context, name string) (memory.Blob, error) {
	if f.err != nil {
		return memory.Blob{}, f.err
	}
	return f.Store.Get(ctx, name)
}

func newGoverning(t *testing.T) *governing {
	g := &governing{t: t, name: filepath.Join(t.TempDir(), "policy.yaml"), clock: cloudtest.NewClock(t),
		store: &failing{Store: memory.NewInProcess()}}
	g.memory = memory.New(g.store, memory.Options{Clock: g.clock})
	return g
}

// write replaces the file; "" removes it.
func (g *governing) write(text string) {
	g.t.Helper()
	err := os.WriteFile(g.name, []byte(text), 0o600)
	if text == "" {
		err = os.Remove(g.name)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// starts starts a process.
func (g *governing) starts() *policySource {
	g.t.Helper()
	s, err := newPolicySource(Config{Policy: g.name, Clock: g.clock}, g.memory,
		slog.New(slog.NewJSONHandler(&g.lines, nil)))
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// later is what a process has in force once it has read the file again.
func (g *governing) later(s *policySource) string {
	g.clock.Advance(rereadAfter + time.Second)
	return ruleOf(s)
}

// ruleOf is the rule that a process has in force for hello, or that no policy is known.
func ruleOf(s *policySource) string {
	settings, _ := s.inForce().For(policy.Subject{Target: hello})
	if settings.PolicyUnread != "" {
		return "unreadable"
	}
	return settings.Rule
}

// said reports whether a line of the log has a text, and forgets the log.
func (g *governing) said(text string) bool {
	defer g.lines.Reset()
	return strings.Contains(g.lines.String(), text)
}

// guard has the memory know that so many services were guarded.
func (g *governing) guard(n int) {
	g.t.Helper()
	for i := range n {
		target := hello
		target.Service = fmt.Sprintf("%s-%d", hello.Service, i)
		if err := g.memory.AddGuarded(g.t.Context(), memory.GuardedService{Target: target}); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *governing) deployment() memory.Deployment {
	g.t.Helper()
	found, err := g.memory.Deployment(g.t.Context())
	if err != nil && !errors.Is(err, memory.ErrMissing) {
		g.t.Fatal(err)
	}
	return found
}

// ruled is a policy with one rule.
func ruled(name, mode string, more ...string) string {
	return "version: 1\nrules:\n  - {name: " + name + ", mode: " + mode + "}\n" + strings.Join(more, "\n") + "\n"
}

const approvedByAnn = "approvers: [\"user:ann@example.com\"]"

func TestABrokenPolicyLeavesTheLastGoodOneInForce(t *testing.T) {
	g := newGoverning(t)
	// An alert watches for these lines: deploy/terraform/modules/monitoring.
	const last, none = "the policy cannot be read: the last good one stays in force",
		"the policy cannot be read, and no good one is known"
	var s *policySource
	for _, step := range []struct {
		name, text string
		restart    bool
		want, says string
	}{
		{"broken from the start on", "rubbish", true, "unreadable", none},
		{"good", ruled("one", "enforce"), false, "one", ""},
		{"broken", "rubbish", false, "one", last},
		{"broken for a process that starts anew", "rubbish", true, "one", last},
		{"gone", "", true, "one", last},
		{"another good one", ruled("two", "enforce"), false, "two", ""},
		{"empty", "# nothing\n", true, "two", last},
		{"good for a process that starts anew", ruled("two", "enforce"), true, "two", ""},
	} {
		g.write(step.text)
		if step.restart {
			s = g.starts()
		}
		g.lines.Reset()
		if got := g.later(s); got != step.want {
			t.Errorf("%s: %s is in force, want %s", step.name, got, step.want)
		}
		if log := g.lines.String(); strings.Contains(log, last) != (step.says == last) || strings.Contains(log, none) != (step.says == none) {
			t.Errorf("%s: the log is %s", step.name, log)
		}
	}
}

func TestAPolicyThatBreaksBeforeTheFirstLookIsKnown(t *testing.T) {
	g := newGoverning(t)
	g.write(ruled("one", "enforce"))
	s := g.starts()
	g.write("rubbish")
	if got := ruleOf(s); got != "one" {
		t.Errorf("%s is in force", got)
	}
	g.write(ruled("two", "enforce"))
	if got := g.later(s); got != "two" {
		t.Errorf("%s is in force", got)
	}
}

func TestAPolicyThatOthersPutIntoTheMemoryLetsNobodyIn(t *testing.T) {
	g := newGoverning(t)
	g.guard(3)
	const eve = "access: {members: [\"user:eve@example.com\"]}"
	put := func(mode string) {
		text := []byte("version: 1\nrules: [{name: forged, mode: " + mode + ", " + eve + "}]\n")
		kept, err := g.memory.KeepPolicy(t.Context(), "0123456789ab", text, g.clock.Now())
		if err == nil {
			_, err = g.memory.UpdateDeployment(t.Context(), func(d *memory.Deployment) bool { return d.Enforce(kept) })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	start := func(key string) policy.Settings {
		config := Config{Policy: g.name, Clock: g.clock, Memory: "gs://bucket", MemoryKey: key}
		s, err := newPolicySource(config, g.memory, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		settings, _ := s.inForce().For(policy.Subject{Target: hello})
		return settings
	}
	for _, tc := range []struct {
		name, forged, file, key string
		mode, again             policy.Mode
		eves                    bool
	}{
		{"no file", "enforce", "rubbish", "", policy.ReportOnly, policy.Enforce, false},
		{"no file, and records have MACs", "enforce", "rubbish", "key", policy.Enforce, "", true},
		{"a file that would wait", "report-only",
			"version: 1\nrules: [{name: own, mode: enforce, access: {members: [\"user:alice@example.com\"]}}]\n", "",
			policy.Enforce, "", false},
		{"a stricter one than the file", "enforce", ruled("own", "report-only"), "", policy.ReportOnly, policy.Enforce, false},
	} {
		put(tc.forged)
		g.write(tc.file)
		settings := start(tc.key)
		if settings.Mode != tc.mode || settings.ModeAgain != tc.again || (len(settings.Access) > 0) != tc.eves {
			t.Errorf("%s: mode %s, again %q, access %q", tc.name, settings.Mode, settings.ModeAgain, settings.Access)
		}
	}
}

func TestALargePolicyIsTheLastGoodOneToo(t *testing.T) {
	g := newGoverning(t)
	g.write(ruled("large", "enforce", strings.Repeat("# \"<&>\" nothing of note\n", 9000)))
	if got := ruleOf(g.starts()); got != "large" {
		t.Fatalf("%s is in force", got)
	}
	g.write("rubbish")
	if got := ruleOf(g.starts()); got != "large" {
		t.Errorf("broken: %s is in force", got)
	}
}

func TestAVersionThatLoosensOneInTwentyWaits(t *testing.T) {
	for _, tc := range []struct {
		name    string
		guarded int
		loosen  int
		waits   bool
	}{
		{"none is guarded", 0, 0, false},
		{"one of ten", 10, 1, true},
		{"one of twenty", 20, 1, false},
		{"two of twenty-one", 21, 2, true},
		{"all", 40, 40, true},
	} {
		g := newGoverning(t)
		g.guard(tc.guarded)
		g.write(ruled("old", "enforce"))
		s := g.starts()
		ruleOf(s)
		services := make([]string, 0, tc.loosen)
		for i := range tc.loosen {
			services = append(services, fmt.Sprintf("%s-%d", hello.Service, i))
		}
		text := "version: 1\nrules:\n"
		if tc.loosen > 0 {
			text += "  - {name: loose, match: {services: [" + strings.Join(services, ", ") + "]}}\n"
		}
		g.write(text + "  - {name: new, mode: enforce}\n")
		want := map[bool]string{true: "old", false: "new"}[tc.waits]
		if got := g.later(s); got != want {
			t.Errorf("%s: %s is in force, want %s", tc.name, got, want)
		}
		if got := ruleOf(g.starts()); got != want {
			t.Errorf("%s: %s is in force for a process that starts anew, want %s", tc.name, got, want)
		}
		if waiting := g.deployment().Waiting; (waiting != nil) != tc.waits ||
			tc.waits && (waiting.Loosened != tc.loosen || waiting.Guarded != tc.guarded) {
			t.Errorf("%s: waiting %+v", tc.name, waiting)
		}
	}
}

func TestAWaitingVersionComesInOnAnApproversWord(t *testing.T) {
	g := newGoverning(t)
	g.guard(3)
	g.write(ruled("old", "enforce", approvedByAnn))
	s, other := g.starts(), g.starts()
	if ruleOf(s) != "old" || ruleOf(other) != "old" {
		t.Fatal("the first policy is not in force")
	}
	loose := ruled("new", "report-only", "approvers: [\"user:eve@example.com\"]")
	g.write(loose)
	if got := g.later(s); got != "old" {
		t.Fatalf("%s is in force", got)
	}
	waiting := g.deployment().Waiting
	if waiting == nil {
		t.Fatal("nothing waits")
	}
	settings, _ := s.inForce().For(policy.Subject{Target: hello})
	for what, text := range map[string]string{"the log": g.lines.String(), "a sweep's report": settings.Notice} {
		if what == "the log" && !strings.Contains(text, "a policy version waits for an approver") {
			t.Errorf("the log lacks the line that an alert watches for: %s", text)
		}
		for _, want := range []string{"loosens 3 of 3 guarded services", "/hello-0: mode, approvers",
			"iapguard approve " + waiting.Digest + " by user:ann@example.com"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q: %s", what, want, text)
			}
		}
	}
	for _, tc := range []struct{ digest, by, want string }{
		{waiting.Digest, "eve@example.com", "eve@example.com may not approve policy " + waiting.Digest + ", as the policy in " +
			"force names approvers of what it loosens: user:ann@example.com"},
		{waiting.Digest, "", "may not approve"},
		{"000000000000", "ann@example.com", "no policy of that digest"},
		{waiting.Digest, "Ann@Example.com", ""},
		{waiting.Digest, "ann@example.com", "no policy of that digest"}, // it is in force
	} {
		if _, err := s.approve(t.Context(), tc.digest, tc.by); (err == nil) != (tc.want == "") ||
			err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s by %q: %v, want %q", tc.digest, tc.by, err, tc.want)
		}
	}
	if got := ruleOf(s); got != "new" { // at once, in the process that was asked
		t.Errorf("approved: %s is in force", got)
	}
	if got := g.later(other); got != "new" {
		t.Errorf("approved: %s is in force in another process", got)
	}
	if d := g.deployment(); d.Waiting != nil || d.Policy.Digest != waiting.Digest {
		t.Errorf("in force %+v, waiting %+v", d.Policy, d.Waiting)
	}
}

func TestAnApprovalLetsNoOtherTextIn(t *testing.T) {
	g := newGoverning(t)
	g.guard(3)
	g.write(ruled("old", "enforce", approvedByAnn))
	s := g.starts()
	ruleOf(s)
	g.write(ruled("new", "report-only"))
	g.later(s)
	if _, err := s.approve(t.Context(), g.deployment().Waiting.Digest, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	g.write(ruled("other", "report-only"))
	if got := g.later(s); got != "old" {
		t.Errorf("%s is in force", got)
	}
	if _, err := s.approve(t.Context(), g.deployment().Waiting.Digest, "ann@example.com"); err != nil {
		t.Errorf("the other one: %v", err)
	}
}

func TestAnOlderVersionWaits(t *testing.T) {
	g := newGoverning(t)
	first := ruled("first", "report-only", approvedByAnn)
	g.write(first)
	s := g.starts()
	ruleOf(s)
	g.write(ruled("second", "enforce", approvedByAnn))
	if got := g.later(s); got != "second" {
		t.Fatalf("%s is in force", got)
	}
	g.write(first) // the newest version of the secret is destroyed
	for what, got := range map[string]string{"the process": g.later(s), "one that starts anew": ruleOf(g.starts())} {
		if got != "second" {
			t.Errorf("%s: %s is in force", what, got)
		}
	}
	if !g.said("it was in force before, and a later one is") {
		t.Error("the log does not say why it waits")
	}
	if _, err := s.approve(t.Context(), g.deployment().Waiting.Digest, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := g.later(s); got != "first" {
		t.Errorf("approved: %s is in force", got)
	}
}

func TestNothingWaitsWhenTheFileIsAsItWas(t *testing.T) {
	g := newGoverning(t)
	g.guard(3)
	g.write(ruled("old", "enforce"))
	s := g.starts()
	ruleOf(s)
	g.write(ruled("new", "report-only"))
	g.later(s)
	if !g.said("The policy in force names no approvers: add approvers in a version that changes nothing else") {
		t.Error("the log does not say that nobody can approve it")
	}
	g.write(ruled("old", "enforce"))
	if got := g.later(s); got != "old" {
		t.Errorf("%s is in force", got)
	}
	settings, _ := s.inForce().For(policy.Subject{Target: hello})
	if waiting := g.deployment().Waiting; waiting != nil || settings.Notice != "" {
		t.Errorf("waiting %+v, notice %q", waiting, settings.Notice)
	}
}

func TestTheFirstApproversLetALooserVersionIn(t *testing.T) {
	g := newGoverning(t)
	g.guard(3)
	g.write(ruled("old", "enforce"))
	s := g.starts()
	ruleOf(s)
	g.write(ruled("named", "enforce", approvedByAnn))
	if got := g.later(s); got != "named" {
		t.Fatalf("%s is in force", got)
	}
	g.write(ruled("loose", "report-only", approvedByAnn))
	g.later(s)
	if _, err := s.approve(t.Context(), g.deployment().Waiting.Digest, "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := g.later(s); got != "loose" {
		t.Errorf("%s is in force", got)
	}
}

func TestAMemoryThatFailsChangesNoGoodPolicy(t *testing.T) {
	g := newGoverning(t)
	g.guard(3)
	g.write(ruled("old", "enforce", approvedByAnn))
	s := g.starts()
	ruleOf(s)
	g.store.err = errors.New("the bucket is gone")
	g.write(ruled("new", "report-only"))
	if got := g.later(s); got != "old" {
		t.Errorf("%s is in force", got)
	}
	// A process that starts meanwhile knows of no other.
	late := g.starts()
	if got := ruleOf(late); got != "new" {
		t.Errorf("%s is in force for a process that starts anew", got)
	}
	g.store.err = nil
	for what, got := range map[string]string{"the first": g.later(s), "the other": g.later(late)} {
		if got != "old" {
			t.Errorf("%s process, when the memory can be read: %s is in force", what, got)
		}
	}
}

func TestFoldersAreReadToCompareVersions(t *testing.T) {
	g := newGoverning(t)
	g.guard(3)
	g.write(ruled("old", "enforce"))
	s := g.starts()
	asked := 0
	s.above = func(context.Context, string) posture.Ancestors {
		asked++
		return posture.Ancestors{Known: true, Folders: []string{"folders/2"}}
	}
	ruleOf(s)
	g.write("version: 1\nrules:\n  - {name: f, match: {folders: [folders/1]}}\n  - {name: new, mode: enforce}\n")
	g.later(s)
	if waiting := g.deployment().Waiting; waiting != nil || asked != 1 {
		t.Errorf("waiting %+v, asked %d times for one project", waiting, asked)
	}
}

func TestTheIndexFollowsWhatIsGuarded(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	indexed := func() (names []string) {
		services, err := b.memory.GuardedServices(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, service := range services {
			names = append(names, service.Target.Name()+" of "+service.Number)
		}
		return names
	}
	if got := indexed(); got != nil {
		t.Errorf("before the first look: %q", got)
	}
	b.outcome(t, "deployed")
	want := []string{hello.Name() + " of " + playground.ProjectNumber}
	if diff := cmp.Diff(want, indexed()); diff != "" {
		t.Errorf("protected (-want +got):\n%s", diff)
	}
	// A record from before there was an index is added at the next look.
	if err := b.memory.RemoveGuarded(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	id := memory.ServiceID{Target: hello}
	for _, indexedBefore := range []bool{true, false} {
		if _, err := b.memory.UpdateService(t.Context(), id, func(s *memory.Service) bool {
			return s.SeeIndexed(indexedBefore)
		}); err != nil {
			t.Fatal(err)
		}
		b.outcome(t, fmt.Sprintf("looked at, indexed before: %t", indexedBefore))
		if got := len(indexed()) == 1; got == indexedBefore {
			t.Errorf("indexed before %t: indexed now %t", indexedBefore, got)
		}
	}
	b.Call(http.MethodDelete, "/v2/"+hello.Name(), nil)
	if err := b.deliver(t, "deleted", event.RunServiceDeleted); err != nil {
		t.Fatal(err)
	}
	if got := indexed(); got != nil {
		t.Errorf("deleted: %q", got)
	}
}

func TestAFileThatIsNotThereDoesNotStopTheStart(t *testing.T) {
	b := newBench(t, "", "IAPGUARD_POLICY="+filepath.Join(t.TempDir(), "missing.yaml"))
	if got := b.outcome(t, "deployed"); got != report.Waiting || b.writes() > 0 {
		t.Errorf("%s, %d writes, want that nothing is done", got, b.writes())
	}
	if advice := strings.Join(b.last(t).Advice, "\n"); !strings.Contains(advice, "no good one is known") {
		t.Errorf("the report does not say why: %q", advice)
	}
}

func TestWhatWasGuardedIsGuardedAgainWithoutAPolicy(t *testing.T) {
	b := newBench(t, cloudtest.Policy())
	b.outcome(t, "deployed")
	b.makePublic()
	b.Later(5 * time.Minute) // the waits are the defaults
	b.policies.path = filepath.Join(t.TempDir(), "missing.yaml")
	b.engine.Policy = func() reconcile.Policy {
		lost, err := newPolicySource(Config{Policy: b.policies.path, Clock: b.Clock()}, newMemory(), b.log)
		if err != nil {
			t.Fatal(err)
		}
		return lost.current()
	}
	if got := b.outcome(t, "public again"); got != report.Protected {
		t.Errorf("what was guarded: %s, %q", got, b.last(t).Advice)
	}
	if advice := strings.Join(b.last(t).Advice, "\n"); !strings.Contains(advice, "no good one is known") ||
		!strings.Contains(advice, "missing.yaml") {
		t.Errorf("the report does not say why: %q", advice)
	}
}
