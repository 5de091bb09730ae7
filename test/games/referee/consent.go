package referee

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
	"github.com/iapguard/iapguard/test/games/play"
)

// Order is a command that somebody sends directly.
type Order struct {
	At      time.Time
	By      string // the account of the token
	Name    string
	Service string // "" = the whole project
	Plan    string // that is approved
	For     time.Duration
	// May means that the account may send the command with that token.
	May bool
	How string // what is wrong with it where it may not
}

func (o Order) String() string {
	return fmt.Sprintf("%s of %q by %s %s", o.Name, o.Service, o.By, o.How)
}

// Step is a step of a plan as a report shows it to an approver.
type Step struct{ Op, Resource, Version string }

// Report is what a report of iapguard claims.
type Report struct {
	Service, Outcome, Plan string
	Command, By            string // the command that led to it, and who sent that; "" = nobody is named
	ApprovedBy             string
	Steps                  []Step // that are planned
	Limited                bool   // the hourly limit holds it
	// Published means that somebody who may only publish messages caused it.
	Published bool
}

// consents are what the referee saw of people's commands.
type consents struct {
	holds     []*placed
	plans     map[string][]Step // what was offered to approvers, by plan
	approvals []*approval
	orders    []Order
	deeds     map[string]deed     // who changed a service last, and iapguard did not write since
	wrote     map[string][]change // what iapguard wrote, by resource
	beats     map[int64]bool      // when iapguard wrote heartbeats
}

// placed is a hold that somebody stored.
type placed struct {
	service    string // "" = all
	at, until  time.Time
	inFile     bool
	overturned bool // somebody wrote the memory since
}

func (p *placed) covers(service string, now time.Time) bool {
	return (p.service == "" || p.service == service) && now.Before(p.until)
}

// approval is a plan that an approver agreed to.
type approval struct {
	Order
	steps []Step
	begun bool      // something was written by it
	made  time.Time // when IAP's agent was made by it; zero = it was not
	spent time.Time // when a run that used it ended; zero = none has
}

// deed is a change of a service by somebody.
type deed struct {
	by string // the account where it is an approver's
	at time.Time
}

// change is what one write of iapguard did.
type change struct {
	removed, added []string       // grants
	before         map[string]any // the values of the fields that it changed
}

// Ask notes that a command is sent, before it is. What it returns is said of the answer. An undo holds
// before it writes, and is answered after all of its writes, so a hold counts from the question.
func (r *Referee) Ask(o Order) (answered func(status int, now time.Time)) {
	r.orders = append(r.orders, o)
	asked := &placed{service: o.Service, at: o.At, until: o.At.Truncate(time.Second).Add(o.For)}
	if o.May && (o.Name == "hold" || o.Name == "undo") {
		r.holds = append(r.holds, asked)
	}
	return func(status int, now time.Time) {
		r.note(now, "       %s: %d", o, status)
		switch {
		case status >= 300:
		case !o.May:
			r.breach("consent", "", "%s is carried out", o)
		default:
			r.obeyed(o, now)
		}
		if status >= 300 || o.Name == "undo" && r.history[o.Service].takenBack.Before(o.At) {
			// It was refused, or there was nothing to take back: nothing is held.
			r.holds = slices.DeleteFunc(r.holds, func(p *placed) bool { return p == asked })
		}
	}
}

// obeyed notes what follows from a command that was carried out.
func (r *Referee) obeyed(o Order, now time.Time) {
	switch o.Name {
	case "resume":
		r.holds = slices.DeleteFunc(r.holds, func(p *placed) bool { return p.service == o.Service && !p.inFile })
	case "approve":
		r.approvals = append(r.approvals, &approval{Order: o, steps: r.plans[o.Plan]})
		if last := r.deeds[o.Service]; last.by == o.By && now.Sub(last.at) > event {
			r.breach("consent", "", "%s approves what it caused at %s", o.By, o.Service)
		}
	}
}

// event is how long it may take until iapguard knows who changed something.
const event = 10 * time.Second

// HeldByFile notes that a hold on everything was stored in the file.
func (r *Referee) HeldByFile(now, until time.Time) {
	r.holds = append(r.holds, &placed{at: now, until: until, inFile: true})
}

// did notes who changed a service.
func (r *Referee) did(m play.Move, by string, now time.Time) {
	if m.Kind.Right() == kind.Rewriter || m.Kind == consent.ForgeRun {
		for _, each := range r.holds {
			each.overturned = each.overturned || !each.inFile
		}
	}
	if !consent.Has(m.Kind) || m.Kind == consent.ApproverOpen {
		r.deeds[m.Service] = deed{by, now}
	}
}

// hold is the hold that covers a service, nil = none does.
func (r *Referee) hold(service string, now time.Time) *placed {
	at := slices.IndexFunc(r.holds, func(p *placed) bool { return p.covers(service, now) })
	if at < 0 {
		return nil
	}
	return r.holds[at]
}

// woken is how long after the end of a hold its services are looked at again: the command due comes
// each minute.
const woken = 90 * time.Second

// stopped is how long after a hold was stored a write may begin.
const stopped = 30 * time.Second

// consented holds P7, P8 and what approvals are worth against a write.
func (r *Referee) consented(w Write) {
	if !r.game.Consent {
		return
	}
	service := w.service()
	if w.Undo {
		r.undone(w)
		return
	}
	for _, each := range r.holds {
		if each.covers(service, w.At.Add(time.Second)) && w.At.Sub(each.at) > stopped {
			row := ""
			if each.overturned {
				row = "lifted"
			}
			r.breach("P7", row, "%s begins %s after a hold was stored", w, w.At.Sub(each.at))
		}
	}
	if r.game.Approve && !r.approved(w) && w.Status < 300 {
		r.breach("consent", "", "nobody approved %s", w)
	}
	if w.Status < 300 {
		path, _ := w.resource()
		r.wrote[path] = append(r.wrote[path], w.change())
		delete(r.deeds, service)
	}
}

// inFlight is how long after one instance ended a run another one may be in the middle of the same.
const inFlight = time.Second

// approved reports whether a person approved a plan with a step that a write is. What is
// written first by an approval is at the version that was approved. A write may be the step of
// several plans that were approved one after the other.
func (r *Referee) approved(w Write) (found bool) {
	for _, each := range r.approvals {
		if !each.spent.IsZero() && w.At.After(each.spent.Add(inFlight)) || each.Service != w.service() && !w.provides() {
			continue
		}
		// IAP's agent is made first, and for all services at once. Meanwhile, or after that, others may
		// change what was approved, and the run goes on by the plan's steps.
		between := !each.made.IsZero() && (r.game.Slow > 0 || !r.deeds[each.Service].at.Before(each.made))
		at := slices.IndexFunc(each.steps, func(s Step) bool {
			return s.is(w) && (each.begun || between || w.provides() || s.Version == w.version())
		})
		if at >= 0 {
			each.begun, found = each.begun || !w.provides(), true
			if w.provides() && each.made.IsZero() {
				each.made = w.At
			}
		}
	}
	return found
}

// Reported judges what a report claims.
func (r *Referee) Reported(one Report, now time.Time) {
	if h := r.history[one.Service]; h != nil {
		h.limited = h.limited || one.Limited
	}
	planned := one.Outcome == "planned"
	if planned {
		r.plans[one.Plan] = one.Steps
	}
	by := func(account, name string) bool {
		return slices.ContainsFunc(r.orders, func(o Order) bool {
			return o.May && o.By == account && o.Name == name && (o.Service == "" || o.Service == one.Service)
		})
	}
	if one.ApprovedBy != "" && !by(one.ApprovedBy, "approve") {
		r.breach("consent", "", "a report says that %s approved what is done at %s", one.ApprovedBy, one.Service)
	}
	// To resume has everything looked at, and to undo has what was taken back.
	sent := by(one.By, one.Command) || one.Command == "sweep" && (by(one.By, "resume") || by(one.By, "undo"))
	if one.By != "" && (one.Published || !sent) {
		r.breach("consent", "", "a report says that %s sent %s of %s", one.By, one.Command, one.Service)
	}
	if one.Outcome != "protected" {
		return
	}
	for _, each := range r.approvals {
		if each.begun && each.spent.IsZero() && each.Service == one.Service {
			each.spent = now
		}
	}
}

// undone holds P8 against a write that takes something back.
func (r *Referee) undone(w Write) {
	if w.Status >= 300 {
		return
	}
	if h := r.history[w.service()]; h != nil {
		h.takenBack = w.At
	}
	path, _ := w.resource()
	now := w.change()
	had := func(in func(change) []string, grant string) bool {
		return slices.ContainsFunc(r.wrote[path], func(c change) bool { return slices.Contains(in(c), grant) })
	}
	for _, grant := range now.added {
		member, rest, _ := strings.Cut(grant, " ")
		everybody := public([]string{member})
		tookFrom := slices.ContainsFunc(r.wrote[path], func(c change) bool {
			return slices.ContainsFunc(c.removed, func(one string) bool { return strings.HasPrefix(one, member+" ") })
		})
		if everybody && (!tookFrom || !strings.HasPrefix(rest, "roles/run.invoker ")) ||
			!everybody && !had(func(c change) []string { return c.removed }, grant) {
			r.breach("P8", "", "an undo grants %s, which iapguard never took: %s", grant, w)
		}
	}
	for _, grant := range now.removed {
		if !had(func(c change) []string { return c.added }, grant) {
			r.breach("P8", "", "an undo takes %s, which iapguard never granted: %s", grant, w)
		}
	}
	for field := range now.before {
		back := valueOf(field, w.After)
		if !slices.ContainsFunc(r.wrote[path], func(c change) bool {
			before, changed := c.before[field]
			return changed && reflect.DeepEqual(before, back)
		}) {
			r.breach("P8", "", "an undo sets %s to %v, which it was not before a write of iapguard's: %s", field, back, w)
		}
	}
}

// Beat notes that iapguard writes a heartbeat.
func (r *Referee) Beat(at time.Time) { r.beats[at.Unix()] = true }

// Heard judges that iapguard believes a heartbeat: the time that it names, and the key of
// the message or entry that it came with.
func (r *Referee) Heard(at time.Time, forged bool) {
	if forged || !r.beats[at.Unix()] {
		r.breach("P10", "", "a heartbeat of %s is believed, which iapguard did not write", at.UTC().Format(time.RFC3339))
	}
}

// service is the service whose resource is written, "" where it is the project's.
func (w Write) service() string {
	path, _ := w.resource()
	if w.provides() {
		return ""
	}
	name := lastOf(path)
	for _, prefix := range []string{"side-be-", "be-", "mask-"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

// provides reports whether the write has IAP's agent made.
func (w Write) provides() bool {
	path, _ := w.resource()
	return strings.HasSuffix(path, ":generateServiceIdentity")
}

func lastOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// version is the version that a write names.
func (w Write) version() string {
	if sent, policy := w.Body["policy"].(Object); policy {
		return text(sent["etag"])
	}
	return text(w.Body["etag"]) + text(w.Body["fingerprint"])
}

func text(value any) string {
	found, _ := value.(string)
	return found
}

// is reports whether a write is the step of a plan.
func (s Step) is(w Write) bool {
	path, policy := w.resource()
	if s.Op == "provision-agent" || w.provides() {
		return s.Op == "provision-agent" && w.provides()
	}
	if lastOf(path) != lastOf(s.Resource) {
		return false
	}
	for field, op := range map[string]string{"ingress": "restrict-ingress", "iap": "enable-iap",
		"iapEnabled": "enable-direct-iap", "invokerIamDisabled": "require-invoker-check"} {
		if _, sent := w.Body[field]; sent && !policy && s.Op == op {
			return true
		}
	}
	wanted, _ := w.Body["policy"].(Object)
	if !policy {
		return false
	}
	before, sent := grants(w.Before), grants(wanted)
	lacks := func(in []string) func(string) bool {
		return func(one string) bool { return !slices.Contains(in, one) }
	}
	if strings.HasPrefix(s.Op, "grant-") {
		return slices.ContainsFunc(sent, lacks(before))
	}
	return slices.ContainsFunc(before, lacks(sent))
}

// change is what the write changed.
func (w Write) change() change {
	before, after := grants(w.Before), grants(w.After)
	made := change{before: map[string]any{}}
	for _, one := range before {
		if !slices.Contains(after, one) {
			made.removed = append(made.removed, one)
		}
	}
	for _, one := range after {
		if !slices.Contains(before, one) {
			made.added = append(made.added, one)
		}
	}
	for _, field := range ownFields {
		if was := valueOf(field, w.Before); !reflect.DeepEqual(was, valueOf(field, w.After)) {
			made.before[field] = was
		}
	}
	return made
}

// valueOf is the value of a field, as it counts.
func valueOf(field string, of Object) any {
	switch field {
	case "iap":
		iap, _ := of["iap"].(Object)
		return iap["enabled"] == true
	case "ingress":
		if value := text(of[field]); value != "" {
			return value
		}
		return "INGRESS_TRAFFIC_ALL"
	}
	return of[field] == true
}
