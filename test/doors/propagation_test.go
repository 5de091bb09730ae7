package doors

import (
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/playground"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)} }

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// late is how long policies and load balancers' settings take in these tests.
const late = 2 * time.Minute

func slow(c *clock) playground.Options {
	return playground.Options{Clock: c.read, IAMPropagation: late, Propagation: late}
}

func TestChangesTakeEffectAfterTheirDelayAndNotBefore(t *testing.T) {
	time := newClock()
	o := build(t, global, slow(time))
	visitAs := func(who string) string { return verdict(o.visit(visit{host: o.Host, path: "/", who: who})) }
	for _, step := range []struct {
		name          string
		do            []func(*fixture)
		before, after string // at the frontend, for bob: right after the change, and when it is in effect
	}{
		{"the service and its load balancer are new", nil, "421 ?", inside},
		{"IAP is switched on", all(provision, invokers(agent), accessors(alice), iapOn), inside, "403 by IAP"},
		{"bob gets access", all(accessors(alice, bob)), "403 by IAP", inside},
		{"the agent loses its grant", all(invokers(alice)), inside, "403 by Cloud Run"},
		{"IAP is switched off", all(func(o *fixture) {
			o.call("PATCH", o.backendPath(), map[string]any{"iap": map[string]any{"enabled": false}})
		}, invokers("allUsers")), "403 by Cloud Run", inside},
		{"IAP is switched on at the service", all(iapOnService), inside, "403 by IAP"},
	} {
		for _, do := range step.do {
			do(o)
		}
		if got := visitAs(bob); got != step.before {
			t.Errorf("%s: bob got %q at once, want %q", step.name, got, step.before)
		}
		time.move(late - 1)
		if got := visitAs(bob); got != step.before {
			t.Errorf("%s: bob got %q right before the delay is over, want %q", step.name, got, step.before)
		}
		time.move(1)
		if got := visitAs(bob); got != step.after {
			t.Errorf("%s: bob got %q when the delay was over, want %q", step.name, got, step.after)
		}
	}
}

// speeds are which changes hold at once: what the policy calls propagation is
// the longest that either may take.
var speeds = []struct {
	name          string
	iam, settings time.Duration
	// lockout is the longest that alice may be shut out. Where nothing but IAP
	// was missing, no API shows when it was switched on, so a plan made later
	// takes the public away before IAP holds everywhere; never for longer than
	// that takes, which is not lasting.
	lockout time.Duration
}{
	{"all changes are slow", late, late, 0},
	{"policies are fast, settings are slow", 0, late, late},
	{"policies are slow, settings are fast", late, 0, 0},
}

// TestNobodyIsLockedOutWhileChangesPropagate protects services whose changes
// take as long to hold as the policy says, and visits the service all along.
func TestNobodyIsLockedOutWhileChangesPropagate(t *testing.T) {
	for _, speed := range speeds {
		for _, subject := range subjects {
			t.Run(speed.name+"/"+subject.name, func(t *testing.T) {
				time := newClock()
				o := build(t, subject.service, playground.Options{Clock: time.read, IAMPropagation: speed.iam,
					Propagation: speed.settings})
				for _, do := range subject.before {
					do(o)
				}
				time.move(late)
				moments := o.slowly(t, time)
				opensNothing(t, moments)
				if out := lockedOut(moments); len(out) > 0 && out[len(out)-1].at.Sub(out[0].at) >= speed.lockout {
					t.Errorf("alice is locked out: %v", out)
				}
				if last := moments[len(moments)-1].doors[1]; last[0] != "302 sign in" || last[1] != inside ||
					last[2] != "403 by IAP" {
					t.Errorf("after protection the frontend answers %v", last)
				}
			})
		}
	}
}

// slowly protects the service, taking each step when it is due and no sooner,
// and planning anew every now and then, as redelivered messages do.
func (o *fixture) slowly(t *testing.T, time *clock) []moment {
	t.Helper()
	var moments []moment
	look := func(what string) {
		m := o.ask(what)
		m.at = time.read()
		moments = append(moments, m)
	}
	look("before")
	p := o.protector(enforcing(late), time.read)
	for range 50 {
		left := p.plan(t)
		if len(left.Steps) == 0 {
			time.move(late)
			look("after")
			return moments
		}
		left.Steps, _ = left.Due(time.read())
		p.take(t, left, func(step plan.Step) { look("after " + string(step.Op())) })
		time.move(late / 4)
		look("waiting")
	}
	t.Fatal("there is no end to it")
	return nil
}
