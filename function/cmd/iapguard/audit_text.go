package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// totals are the numbers under an audit.
type totals struct {
	Services  int                `json:"services"`
	Exposed   int                `json:"exposed"`             // with an unguarded door
	Unknown   int                `json:"unknown"`             // with a door that may be unguarded, and none that is
	Accepted  int                `json:"accepted,omitempty"`  // of those, as the policy says
	Uncovered int                `json:"uncovered"`           // that no rule covers, among all of the above
	Exempt    int                `json:"exempt,omitempty"`    // that the policy exempts, among all of the above
	Instances int                `json:"instances,omitempty"` // that are Cloud Run instances, among all of the above
	Doors     map[door.Guard]int `json:"doors"`
}

// comparison says what became of unguarded doors since an earlier audit.
type comparison struct {
	New       []auditedDoor `json:"new"`
	Fixed     []auditedDoor `json:"fixed"` // guarded by now, or gone
	Unchanged []auditedDoor `json:"unchanged"`
	Earlier   earlierAudit  `json:"earlier,omitzero"`
}

// earlierAudit says what a comparison compares with.
type earlierAudit struct {
	ObservedAt time.Time `json:"observedAt"`
	Policy     string    `json:"policy"`
	Totals     totals    `json:"totals"`
}

// auditedDoor names a door across audits.
type auditedDoor struct {
	Service string    `json:"service"`
	Kind    door.Kind `json:"kind"`
	Address string    `json:"address"`
}

// risk is that of the worst door. A service that could not be read comes right
// after those with an open door.
func (a audited) risk() int {
	if a.Error != "" {
		return door.GuardUnknown.Risk()
	}
	worst := len(door.ByRisk)
	for _, one := range a.Doors {
		worst = min(worst, one.Guard.Risk())
	}
	return worst
}

// sort puts the worst first: services, and the doors of each.
func (a *audit) sort() {
	for i := range a.Services {
		slices.SortStableFunc(a.Services[i].Doors, func(x, y report.Door) int { return cmp.Compare(x.Guard.Risk(), y.Guard.Risk()) })
	}
	slices.SortFunc(a.Services, func(x, y audited) int {
		return cmp.Or(cmp.Compare(x.risk(), y.risk()), cmp.Compare(x.Service, y.Service))
	})
}

func (a *audit) count() totals {
	count := totals{Services: len(a.Services), Doors: map[door.Guard]int{}}
	for _, service := range a.Services {
		switch service.Exposed {
		case door.Yes:
			count.Exposed++
		case door.Unknown:
			count.Unknown++
			if service.Accepted {
				count.Accepted++
			}
		}
		switch {
		case service.instance():
			count.Instances++
		case service.Outcome == report.Uncovered:
			count.Uncovered++
		case service.Outcome == report.Exempt:
			count.Exempt++
		}
		for _, each := range service.Doors {
			count.Doors[each.Guard] += max(1, each.Count)
		}
	}
	return count
}

// instance reports whether the look was at a Cloud Run instance.
func (a audited) instance() bool { return strings.Contains(a.Service, "/instances/") }

// open returns the unguarded doors, and the services with doors that may be, or with
// more unguarded doors than are listed.
func (a *audit) open() (doors []auditedDoor, unknown []string) {
	for _, service := range a.Services {
		if service.Error != "" || slices.ContainsFunc(service.Doors, func(d report.Door) bool {
			return d.Guard == door.GuardUnknown || d.Guard.Exposed() && d.Count > 0
		}) {
			unknown = append(unknown, service.Service)
		}
		for _, each := range service.Doors {
			if each.Guard.Exposed() && each.Count == 0 {
				doors = append(doors, auditedDoor{service.Service, each.Kind, each.Address})
			}
		}
	}
	return doors, unknown
}

// compare compares an earlier audit with a later one of some scopes. A door is not
// fixed while its service has a door that nothing is known about.
func (a *audit) compare(later audit, scopes []posture.Scope) *comparison {
	before, _ := a.open()
	after, unknown := later.open()
	result := &comparison{New: []auditedDoor{}, Fixed: []auditedDoor{}, Unchanged: []auditedDoor{},
		Earlier: earlierAudit{a.ObservedAt, a.Policy, a.Totals}}
	for _, door := range after {
		if slices.Contains(before, door) {
			result.Unchanged = append(result.Unchanged, door)
		} else {
			result.New = append(result.New, door)
		}
	}
	for _, door := range before {
		if !slices.Contains(after, door) && !covers(unknown, door.Service) && within(door.Service, scopes) {
			result.Fixed = append(result.Fixed, door)
		}
	}
	return result
}

// covers reports whether a service, or a place with it, is among names.
func covers(names []string, service string) bool {
	return slices.ContainsFunc(names,
		func(name string) bool { return service == name || strings.HasPrefix(service, name+"/") })
}

// within reports whether a service lies in one of the scopes.
func within(service string, scopes []posture.Scope) bool {
	return slices.ContainsFunc(scopes, func(scope posture.Scope) bool {
		return covers([]string{scope.Name()}, service)
	})
}

// fullLines show every door of services.
func fullLines(services []audited) []line {
	var lines []line
	for _, service := range services {
		heading := line{lead: service.Service, style: bold, hang: 2}
		switch {
		case service.instance():
			heading.text += "  (an instance, which is not changed)"
		case service.Outcome == report.Uncovered:
			heading.text += "  (no rule covers it)"
		}
		lines = append(lines, heading)
		if service.Error != "" {
			lines = append(lines, line{lead: "  ? not read: ", text: service.Error, hang: 4})
		}
		if service.AsOf != nil {
			lines = append(lines, textLine("  %s", service.AsOf.text()))
		}
		lines = append(lines, doorLines(service.Doors)...)
		lines = append(lines, unreadLines(service.Unread)...)
		lines = append(lines, namedLines("iap", service.Accessors, service.AccessorsLeftOff, service.AccessorsAtLeast)...)
		lines = append(lines, namedLines("iam", service.Invokers, service.InvokersLeftOff, service.InvokersAtLeast)...)
		for _, c := range service.Callers {
			if c.Impact != caller.StaysIn {
				lines = append(lines, line{lead: fmt.Sprintf("  %-8s ", c.Impact), text: fmt.Sprint(c)})
			}
		}
		if service.stands() == standsOpen {
			lines = append(lines, line{lead: "  next: ", text: service.next(), whole: true})
		}
	}
	return lines
}

// text are the numbers under an audit.
func (t totals) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d exposed, %d unknown", counted(t.Services, "service"), t.Exposed, t.Unknown)
	if t.Accepted > 0 {
		fmt.Fprintf(&b, " (%d accepted)", t.Accepted)
	}
	if t.Exempt > 0 {
		fmt.Fprintf(&b, ", %d exempt among them", t.Exempt)
	}
	if t.Uncovered > 0 {
		fmt.Fprintf(&b, ", %d without a rule", t.Uncovered)
	}
	if t.Instances > 0 {
		fmt.Fprintf(&b, ", %s", counted(t.Instances, "instance"))
	}
	b.WriteString("; doors:")
	for _, guard := range door.ByRisk {
		if n := t.Doors[guard]; n > 0 {
			fmt.Fprintf(&b, " %d %s", n, guard)
		}
	}
	return b.String()
}

func (c *comparison) lines() []line {
	lines := []line{textLine("unguarded doors since then: %d new, %d fixed, %d unchanged",
		len(c.New), len(c.Fixed), len(c.Unchanged))}
	for _, group := range []struct {
		name  string
		doors []auditedDoor
		style style
	}{{"new", c.New, red}, {"fixed", c.Fixed, green}, {"unchanged", c.Unchanged, plainStyle}} {
		for _, door := range group.doors {
			lines = append(lines, line{lead: fmt.Sprintf("  %-9s ", group.name), style: group.style, hang: 4,
				text: fmt.Sprintf("%s  (%s of %s)", door.Address, door.Kind, door.Service)})
		}
	}
	return lines
}
