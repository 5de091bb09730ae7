package decide

import (
	"errors"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// day is a minute of the story's second day.
func day(minute int) time.Time { return at(24*60 + minute) }

// asks is a sweep's run in a project whose audit log has these writes.
func asks(p posture.Posture, unreadable error, writes ...event.Write) *decider {
	sweep := Request{Cause: event.Cause{Kind: event.CommandReceived, Command: &event.Command{Name: "sweep"}}}
	return &decider{request: sweep, facts: Facts{
		Posture: p, Self: ourselves(us), History: &History{Writes: writes, Unread: unreadable},
	}}
}

func routing(minute int, method string) event.Write {
	return by(minute, false,
		event.Write{Cause: event.Cause{Kind: event.RoutingChanged, Location: posture.Global, Method: "v1.compute." + method}})
}

// open is a public service from minute -60 on, as Cloud Run shows it, whose own
// addresses are all its doors, unless it is balanced.
func open(balanced bool, policyChanged time.Time) posture.Posture {
	p := fought()
	p.Service = posture.Service{URLs: []string{"https://hello-1.run.app"}, Ingress: posture.IngressAll, CreatedAt: at(-60),
		UpdatedAt: at(-30)}
	p.Invokers = posture.Policy{ChangedAt: policyChanged,
		Bindings: []posture.Binding{{Role: posture.RoleInvoker, Members: []string{"allUsers"}}}}
	if balanced {
		p.Service.Ingress = posture.IngressInternalLoadBalancing
		p.Backends[0].Scheme, p.Backends[0].Frontends = "EXTERNAL_MANAGED", []posture.Frontend{
			{Address: "203.0.113.1", HTTPS: true}}
	}
	return p
}

func TestADoorIsOpenSinceTheLastChangeThatIsKnownOf(t *testing.T) {
	denied := errors.New("denied")
	anothers := invokers(50, false)
	anothers.Service = "other"
	closed := open(false, at(1))
	closed.Service.Ingress = posture.IngressInternal
	for _, tc := range []struct {
		name   string
		p      posture.Posture
		now    time.Time
		err    error
		writes []event.Write
		want   time.Time
	}{
		{"no door is open", closed, at(60), nil, nil, time.Time{}},
		{"the policy has its time, however old", open(false, at(-20)), day(500), nil, nil, at(-20)},
		{"the service was changed after its policy", open(false, at(-40)), day(500), nil, nil, at(-30)},
		{"nothing was written for a day", open(false, time.Time{}), day(60), nil, nil, at(60)},
		{"the service is younger than a day", open(false, time.Time{}), at(60), nil, nil, at(-60)},
		{"the service was written to", open(false, time.Time{}), at(60), nil,
			[]event.Write{service(20, false, "ingress", "all"), invokers(40, false), anothers}, at(40)},
		{"what a load balancer does is nothing to its own address", open(false, time.Time{}), at(60), nil,
			[]event.Write{iap(30, false, "false"), routing(40, "urlMaps.patch")}, at(-60)},
		{"the log cannot be read", open(false, time.Time{}), at(60), denied, nil, time.Time{}},
		{"the log cannot be read, the policy has its time", open(false, at(-20)), at(60), denied, nil, at(-20)},
		{"IAP was turned off", open(true, at(-20)), at(60), nil, []event.Write{iap(30, false, "false")}, at(30)},
		{"an address came later", open(true, at(-20)), at(60), nil,
			[]event.Write{iap(30, false, "false"), routing(45, "globalForwardingRules.insert")}, at(45)},
		{"balanced and nothing was written for a day", open(true, at(-20)), day(60), nil, nil, at(60)},
		{"balanced and the log cannot be read", open(true, at(-20)), at(60), denied, nil, time.Time{}},
	} {
		tc.p.ObservedAt = tc.now
		if got := asks(tc.p, tc.err, tc.writes...).openSince(); !got.Equal(tc.want) {
			t.Errorf("%s: since %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestAServiceWaitsSinceTheLastChangeThatMatters(t *testing.T) {
	access := open(true, time.Time{})
	access.Backends[0].Access.ChangedAt = at(35)
	for _, tc := range []struct {
		name   string
		p      posture.Posture
		code   protection.Code
		now    time.Time
		err    error
		writes []event.Write
		want   time.Time
	}{
		{"as long as there is the service", open(false, at(1)), protection.NoLoadBalancer, at(60), nil, nil, at(-60)},
		{"for a day at least", open(false, at(1)), protection.NoLoadBalancer, day(60), nil,
			[]event.Write{invokers(70, true)}, at(60)},
		{"since something may have been taken away", open(false, at(1)), protection.NoFrontend, at(60), nil,
			[]event.Write{routing(20, "urlMaps.patch"), routing(30, "urlMaps.insert")}, at(20)},
		{"the log cannot be read", open(false, at(1)), protection.NoLoadBalancer, at(60), errors.New("denied"),
			nil, time.Time{}},
		{"no accessor since the backend service was made", open(true, at(1)), protection.NoAccessor, at(60), nil,
			[]event.Write{iap(20, false, "anew"), iap(30, true, "?")}, at(20)},
		{"no accessor since IAP's policy was written", access, protection.NoAccessor, at(60), nil, nil, at(35)},
		{"no revision is active", open(false, at(1)), protection.IngressNotKnown, day(60),
			errors.New("denied"), nil, at(-30)},
	} {
		tc.p.ObservedAt = tc.now
		if got := asks(tc.p, tc.err, tc.writes...).waitingSince(protection.Finding{Code: tc.code}); !got.Equal(tc.want) {
			t.Errorf("%s: since %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestOnlyCommandsWhoseAnswerIsPublishedAskTheLogSinceWhen(t *testing.T) {
	for name, change := range map[string]func(*decider){
		"a dry run": func(r *decider) { r.request.DryRun = true },
		"an event":  func(r *decider) { r.request.Cause = event.Cause{Kind: event.RunServiceChanged} },
	} {
		r := asks(open(false, at(1)), nil)
		change(r)
		if got := r.waitingSince(protection.Finding{Code: protection.NoLoadBalancer}); !got.IsZero() {
			t.Errorf("%s asks the log: since %v", name, got)
		}
	}
}
