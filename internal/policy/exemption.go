package policy

import (
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// longestExemption bounds how far ahead an exemption may end, unless the policy
// sets maxExemption.
const longestExemption = 366 * 24 * time.Hour

// exemptions are keyed by the full name of the service.
type exemptions map[string]Exemption

// of returns the exemption of a service, under the project's id or its number, or
// nil.
func (e exemptions) of(target posture.Target, projectNumber string) *Exemption {
	found, ok := e[target.Name()]
	if !ok {
		target.Project = projectNumber
		found, ok = e[target.Name()]
	}
	if !ok {
		return nil
	}
	return &found
}

// exemption reads one exemption, which must end by endBy. A text that is valid
// once stays valid as time passes.
func (r *reader) exemption(n *yaml.Node, endBy time.Time, into exemptions, doors doorExemptions) {
	var read Exemption
	var services []*yaml.Node
	var door *doorExemption
	r.mapping(n, "an exemption", keys{
		"services": r.list("services", func(n *yaml.Node) { services = append(services, n) }),
		"door":     func(n *yaml.Node) { door = r.door(n) },
		"reason":   r.text("reason", &read.Reason),
		"owner":    r.text("owner", &read.Owner),
		"ticket":   r.text("ticket", &read.Ticket),
		"expires": func(n *yaml.Node) {
			r.lastDay("expires", &read.Expires)(n)
			if read.Expires.After(endBy) {
				last := endBy.AddDate(0, 0, -1).Format(time.DateOnly)
				r.complain(n, "expires is %s: write a day until %s, or raise maxExemption", shown(n), last)
			}
		},
	}, "services", "reason", "owner", "ticket", "expires")
	if door != nil && len(services) > 1 {
		r.complain(services[1], "services has %d entries, and door is about one: write an exemption for each", len(services))
	}
	for _, n := range services {
		var name string
		r.text("a service", &name)(n)
		if name == "" {
			continue
		}
		target, err := posture.ParseTarget(name)
		if err != nil {
			r.complain(n, "services: %v", err)
			continue
		}
		if door != nil {
			door.Exemption = read
			doors[target.Name()] = append(doors[target.Name()], *door)
			continue
		}
		if _, twice := into[target.Name()]; twice {
			r.complain(n, "another exemption names %s: take one of them out", target)
		}
		into[target.Name()] = read
	}
}
