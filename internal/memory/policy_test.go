package memory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
)

// inForce keeps a policy and has it come into force.
func inForce(t *testing.T, m *memory.Memory, text string, at time.Time) memory.PolicyVersion {
	t.Helper()
	version, err := m.KeepPolicy(t.Context(), memory.SumOf([]byte(text))[:12], []byte(text), at)
	if err == nil {
		_, err = m.UpdateDeployment(t.Context(), func(d *memory.Deployment) bool { return d.Enforce(version) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func TestAPolicyOfAnySizeIsKeptWhole(t *testing.T) {
	for _, size := range []int{1, 11 << 10, 64 << 10, 256 << 10} {
		store := memory.NewInProcess()
		text := strings.Repeat("\"<\\&>\n", size/6+1)[:size]
		version := inForce(t, open(store), text, began)
		got, err := open(store).PolicyText(t.Context(), version)
		if err != nil || string(got) != text {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
		names, err := store.List(t.Context(), memory.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range names {
			if size := sized(t, store, entry.Name); size > 16<<10 {
				t.Errorf("record %s has %d bytes", entry.Name, size)
			}
		}
	}
}

func TestAPolicyThatIsNotThereIsMissing(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	version := inForce(t, m, "version: 1\n", began)
	put(t, store, "policy/"+version.Sum+"/000", `{"format":1,"record":{"sequence":9,"text":"dmVyc2lvbjogMgo="}}`)
	if _, err := m.PolicyText(t.Context(), version); !errors.Is(err, memory.ErrMissing) {
		t.Errorf("another text: %v", err)
	}
	version.Sum = memory.SumOf([]byte("another"))
	if _, err := m.PolicyText(t.Context(), version); !errors.Is(err, memory.ErrMissing) {
		t.Errorf("no text: %v", err)
	}
	if _, err := m.PolicyText(t.Context(), memory.PolicyVersion{}); !errors.Is(err, memory.ErrMissing) {
		t.Errorf("no version: %v", err)
	}
}

func TestPoliciesThatWereInForceAreKnown(t *testing.T) {
	var d memory.Deployment
	version := func(i int) memory.PolicyVersion {
		return memory.PolicyVersion{Sum: fmt.Sprintf("sum-%03d", i), Since: began.Add(time.Duration(i) * time.Hour)}
	}
	for i := range 60 {
		if !d.Enforce(version(i)) || d.Enforce(version(i)) {
			t.Fatalf("version %d", i)
		}
	}
	if _, oldest := d.Policies["sum-000"]; oldest || len(d.Policies) != 50 ||
		!d.Policies["sum-058"].Equal(version(59).Since) {
		t.Errorf("%d earlier policies: %v", len(d.Policies), d.Policies)
	}
	if _, itself := d.Policies["sum-059"]; itself || d.Policy.Sum != "sum-059" {
		t.Errorf("in force: %+v", d.Policy)
	}
	d.Enforce(version(30))
	if _, itself := d.Policies["sum-030"]; itself {
		t.Error("the policy in force is among the earlier ones")
	}
}

func TestOneWaitingPolicyIsApprovedOnceByItsDigest(t *testing.T) {
	d := memory.Deployment{Policy: memory.PolicyVersion{Sum: "old"}}
	waiting := memory.WaitingPolicy{Digest: "abc", Sum: "abc1", Over: "old", Loosened: 30, Guarded: 40,
		Services: strings.Split(strings.Repeat("s ", 29)+"s", " "), Approvers: []string{"user:ann@example.com"}}
	if d.ApprovePolicy("abc", "ann@example.com", began) {
		t.Error("nothing waits, and it is approved")
	}
	if !d.Await(waiting) || d.Await(waiting) || len(d.Waiting.Services) != 10 {
		t.Errorf("waiting: %+v", d.Waiting)
	}
	if d.ApprovePolicy("abd", "ann@example.com", began) || !d.ApprovePolicy("abc", "ann@example.com", began) ||
		d.ApprovePolicy("abc", "bob@example.com", began) || d.Waiting.ApprovedBy != "ann@example.com" {
		t.Errorf("approved: %+v", d.Waiting)
	}
	if waiting.Sum = "abc2"; !d.Await(waiting) || d.Waiting.ApprovedBy != "" {
		t.Errorf("another text of the same digest has the approval: %+v", d.Waiting)
	}
	d.Enforce(memory.PolicyVersion{Sum: "abc2"})
	if d.Waiting != nil {
		t.Errorf("it is in force and waits: %+v", d.Waiting)
	}
}

func TestAWaitingPolicySaysWhatLetsItIn(t *testing.T) {
	waiting := memory.WaitingPolicy{Digest: "abc", Loosened: 12, Guarded: 40, Services: []string{"a: mode", "b: ingress"}}
	for _, tc := range []struct {
		name   string
		change func(*memory.WaitingPolicy)
		want   string
	}{
		{"approvers", func(w *memory.WaitingPolicy) { w.Approvers = []string{"user:ann@example.com", "user:bob@example.com"} },
			"policy abc waits for an approver: it uncovers or loosens 12 of 40 guarded services (a: mode; b: ingress; and " +
				"10 more). It comes into force after iapguard approve abc by user:ann@example.com or user:bob@example.com"},
		{"none", func(*memory.WaitingPolicy) {}, "add approvers in a version that changes nothing else first"},
		{"older", func(w *memory.WaitingPolicy) { w.Older, w.Loosened = true, 0 },
			"it was in force before, and a later one is. "},
		{"approved", func(w *memory.WaitingPolicy) { w.ApprovedBy = "ann@example.com" }, "ann@example.com approved it"},
	} {
		w := waiting
		if tc.change(&w); !strings.Contains(w.String(), tc.want) {
			t.Errorf("%s: %s", tc.name, w)
		}
	}
}

func TestTheIndexHasTheGuardedServices(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	var want []memory.GuardedService
	for i := range 500 {
		target := posture.Target{Project: "shop-project", Location: "europe-west1", Service: fmt.Sprintf("s-%03d", i)}
		service := memory.GuardedService{Target: target, Number: "12", Labels: map[string]string{"team": "a"}}
		if want = append(want, service); i != 7 {
			if err := m.AddGuarded(t.Context(), service); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 { // the second time nothing is there
		if err := m.RemoveGuarded(t.Context(), want[7].Target); err != nil {
			t.Fatal(err)
		}
		if err := m.RemoveGuarded(t.Context(), want[8].Target); err != nil {
			t.Fatal(err)
		}
	}
	got, err := open(store).GuardedServices(t.Context())
	if diff := cmp.Diff(append(want[:7:7], want[9:]...), got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestAPartOfTheIndexThatCannotBeReadHidesNothing(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	if err := m.AddGuarded(t.Context(), memory.GuardedService{Target: first.Target}); err != nil {
		t.Fatal(err)
	}
	put(t, store, "guarded/zz", "rubbish")
	if got, err := m.GuardedServices(t.Context()); !errors.Is(err, memory.ErrUnreadable) || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTenThousandServicesFitIntoTheIndex(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	long := strings.Repeat("p", 22)
	for i := range 10_000 {
		target := posture.Target{Project: long + fmt.Sprintf("-%05d", i%500), Location: "northamerica-northeast1",
			Service: strings.Repeat("s", 40) + fmt.Sprint(i)}
		labels := map[string]string{"team": "team-of-the-shop", "env": "production", "cost-center": "1234567"}
		service := memory.GuardedService{Target: target, Number: "123456789012", Labels: labels}
		if err := m.AddGuarded(t.Context(), service); err != nil {
			t.Fatal(err)
		}
	}
	got, err := m.GuardedServices(t.Context())
	if err != nil || len(got) != 10_000 {
		t.Fatalf("%d services, %v", len(got), err)
	}
}

func TestTheHeartbeatsKeyIsTheFirstThatIsOffered(t *testing.T) {
	store := memory.NewInProcess()
	for i, candidate := range []string{"first", "second"} {
		if key, err := open(store).HeartbeatKey(t.Context(), []byte(candidate)); err != nil || string(key) != "first" {
			t.Errorf("offer %d: %q, %v", i, key, err)
		}
	}
}
