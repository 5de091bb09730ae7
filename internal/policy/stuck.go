package policy

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/policy/stuck"
)

// Bounds of whenStuck.after. Within ten minutes an ordinary protection is under way.
const (
	shortestStuck = 10 * time.Minute
	longestStuck  = 30 * 24 * time.Hour
)

// whenStuck reads what to do about a service that is stuck.
func (r *reader) whenStuck(n *yaml.Node, into *stuck.Rule) {
	r.mapping(n, "whenStuck", keys{
		"after": func(n *yaml.Node) {
			r.duration("whenStuck.after", longestStuck, &into.After)(n)
			if into.After != 0 && into.After < shortestStuck {
				r.complain(n, "whenStuck.after is %s: write at least %s, within which services are protected as a rule",
					into.After, shortestStuck)
			}
		},
		"do": choice(r, "whenStuck.do", &into.Do, stuck.Report, stuck.Close),
		"window": func(n *yaml.Node) {
			r.mapping(n, "whenStuck.window", keys{
				"days": r.list("whenStuck.window.days", func(n *yaml.Node) { r.weekday(n, &into.Window.Days) }),
				"from": r.timeOfDay("whenStuck.window.from", &into.Window.From),
				"to":   r.timeOfDay("whenStuck.window.to", &into.Window.To),
			}, "from", "to")
			if into.Window.From == into.Window.To {
				r.complain(n, "whenStuck.window ends when it begins: write another time, or leave the window out for any time")
			}
		},
	}, "after", "do")
	if into.Do == stuck.Report && into.Window.Bounded() {
		r.complain(n, "whenStuck.window has no effect with do: report: write do: close, or take the window out")
	}
	if into.Do != "" && into.After == 0 {
		r.complain(n, "whenStuck.after is 0s: write at least %s", shortestStuck)
	}
}

// weekday reads a day of the week.
func (r *reader) weekday(n *yaml.Node, into *[]time.Weekday) {
	value, _ := stringOf(n)
	for day := time.Sunday; day <= time.Saturday; day++ {
		if value != strings.ToLower(day.String()[:3]) {
			continue
		}
		if !slices.Contains(*into, day) {
			*into = append(*into, day)
			slices.Sort(*into)
		}
		return
	}
	r.complain(n, "whenStuck.window.days: %.60q is not a day: write mon, tue, wed, thu, fri, sat or sun", shown(n))
}

// timeOfDay reads a time like "02:00".
func (r *reader) timeOfDay(what string, into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, ok := stringOf(n)
		at, err := time.Parse("15:04", value)
		if !ok || err != nil || len(value) != len("15:04") {
			r.complain(n, `%s is %.60q: write a time of the day in UTC, in quotes, like "02:00"`, what, shown(n))
			return
		}
		*into = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
}
