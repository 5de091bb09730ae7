package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/test/oracle/estate"
)

// Report is what is judged: what an audit says of one service.
type Report struct {
	Service string `json:"service"`
	Exposed string `json:"exposed"`
	Outcome string `json:"outcome"`
	Doors   []Door `json:"doors"`
	Error   string `json:"error"`
	// Findings are what the report remarks on, by their codes.
	Findings []struct{ Code string } `json:"findings"`
	// Unread is what could not be read.
	Unread []struct{ Resource string } `json:"unread"`
}

// Door is one door of a report.
type Door struct {
	Kind, Address, Via, Guard, Why string
}

// The guards of doors, and what exposed can be.
const (
	open     = "open"
	signedIn = "anyone-signed-in"
	unknown  = "unknown"
	no       = "no"
)

// preflights is the code of the finding that OPTIONS requests pass IAP.
const preflights = "IAP_SETTINGS_OPEN"

// doubted is how a report says of a door that it may be wider than its guard.
const doubted = "whether everybody gets in is not known"

// keeps reports whether a door, as it is said, keeps a visitor out who got in.
func (d Door) keeps(visitor Visitor) bool {
	guard := d.Guard
	switch visitor {
	case Nobody:
		return guard != open && guard != unknown && !(guard == signedIn && strings.Contains(d.Why, doubted))
	case Stranger:
		return guard != open && guard != signedIn && guard != unknown
	}
	return guard == "ingress" || guard == "closed"
}

// Judge holds the entries against the reports. Each complaint is a promise that
// is broken, in words.
func Judge(e estate.Estate, entries []Entry, reports []Report) []string {
	var complaints []string
	complain := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(complaints, text) {
			complaints = append(complaints, text)
		}
	}
	said := map[string]Report{}
	for _, r := range reports {
		said[r.Service] = r
	}
	for _, s := range e.Services {
		name := fullName(s)
		if said[name].Service == "" && said["projects/"+project].Error == "" {
			complain("%s is not mentioned", name)
		}
	}
	for _, entry := range entries {
		r := said[entry.Service]
		if r.Error != "" || r.Service == "" {
			continue // nothing is said of its doors, loudly
		}
		if entry.Preflight {
			// No report of an instance has findings.
			if !strings.Contains(entry.Service, "/instances/") && !r.admitsPreflights(entry.Address) {
				complain("%s: nothing is said of OPTIONS requests, which pass at %s", entry.Service, entry.Address)
			}
			continue
		}
		if entry.Visitor != Named && r.Exposed == no {
			complain("%s is said not to be exposed; %s gets in at %s", entry.Service, entry.Visitor, entry.Address)
		}
		doors := nearest(r.doors(entry.Copy), entry.Address)
		// That doors may be missing is said by an unknown one where strangers may get in,
		// else by what is not read.
		said := slices.ContainsFunc(r.Doors, func(d Door) bool { return d.Guard == unknown }) ||
			entry.Visitor == Named && len(r.Unread) > 0
		if len(doors) == 0 && !said {
			complain("%s: no door is shown for %s, where %s gets in", entry.Service, entry.Address, entry.Visitor)
		}
		if len(doors) > 0 && !slices.ContainsFunc(doors, func(d Door) bool { return !d.keeps(entry.Visitor) }) {
			complain("%s: %s is said to be %q; %s gets in at %s", entry.Service, doors[0].Address, doors[0].Guard,
				entry.Visitor, entry.Address)
		}
	}
	return complaints
}

// Mirrored is how a report begins to say why a door is one for copies of requests alone.
const Mirrored = "requests are mirrored here"

// doors are those at which requests come in, or those at which copies of them do. A door
// without an address stands for more of either.
func (r Report) doors(copies bool) []Door {
	return slices.DeleteFunc(slices.Clone(r.Doors), func(d Door) bool {
		return d.Guard != unknown && d.Address != "" && copies != strings.HasPrefix(d.Why, Mirrored)
	})
}

// admitsPreflights reports whether a report says that OPTIONS requests pass, that
// everybody may get in at an address, or that the look was not whole: then findings
// are missing.
func (r Report) admitsPreflights(at Address) bool {
	doors := nearest(r.doors(false), at)
	if len(doors) == 0 {
		doors = r.Doors // one that is unknown stands for those that are missing
	}
	return len(r.Unread) > 0 || r.Outcome == "failed" ||
		slices.ContainsFunc(r.Findings, func(f struct{ Code string }) bool { return f.Code == preflights }) ||
		slices.ContainsFunc(doors, func(d Door) bool { return !d.keeps(Nobody) })
}

// nearest are the doors that stand for an address most closely. Doors whose
// address is not known stand for those that no other door stands for.
func nearest(doors []Door, to Address) []Door {
	var found []Door
	best := 0
	for _, d := range doors {
		switch fit := d.fits(to); {
		case fit == 0 || fit < best:
		case fit > best:
			found, best = []Door{d}, fit
		default:
			found = append(found, d)
		}
	}
	if found == nil {
		for _, d := range doors {
			if d.Address == "" {
				found = append(found, d)
			}
		}
	}
	return found
}

// fits says how closely a door's address stands for another one, 0 = not at all:
// a host before a pattern of hosts before every host of a frontend, a longer
// pattern or path before a shorter one.
// A door of another forwarding rule does not stand for it.
func (d Door) fits(to Address) int {
	scheme, rest, _ := strings.Cut(d.Address, "://")
	host, path, deep := strings.Cut(rest, "/")
	if scheme != to.Scheme || strings.Contains(d.Via, "/forwardingRules/") && d.Via != to.Via {
		return 0
	}
	fit := 0
	suffix, wild := strings.CutPrefix(host, "*")
	switch {
	case strings.EqualFold(host, to.Host):
		fit = 1000
	case wild && suffix != "" && strings.HasSuffix(to.Host, suffix):
		fit = 500 + len(suffix)
	case host == "*" || host == to.IP:
		fit = 100
	default:
		return 0
	}
	if !deep {
		return fit * 1000
	}
	path = "/" + path
	if prefix, wild := strings.CutSuffix(path, "*"); path != to.Path && (!wild || !strings.HasPrefix(to.Path, prefix)) {
		return 0
	}
	return fit*1000 + len(path)
}

// Untrue names the doors that are said to be open to everybody, or to every account,
// where nobody of them got in: alarms for nothing.
func Untrue(entries []Entry, reports []Report) []string {
	var untrue []string
	for _, r := range reports {
		for _, d := range r.Doors {
			if d.Guard != open && d.Guard != signedIn {
				continue
			}
			if !slices.ContainsFunc(entries, func(entry Entry) bool {
				return entry.Service == r.Service && entry.Visitor != Named && !entry.Preflight && d.fits(entry.Address) > 0
			}) {
				untrue = append(untrue,
					fmt.Sprintf("%s: %s %s is said to be %s: %s", r.Service, d.Kind, d.Address, d.Guard, d.Why))
			}
		}
	}
	return untrue
}

// Unproven are the run.app doors of an estate's services at which somebody without
// credentials gets in and that are not said to be open, although what decides it was read.
func Unproven(e estate.Estate, entries []Entry, reports []Report) []string {
	var complaints []string
	for _, entry := range entries {
		if entry.Visitor != Nobody || entry.Preflight || !strings.HasSuffix(entry.Host, ".run.app") ||
			!slices.ContainsFunc(e.Services, func(s estate.Service) bool { return fullName(s) == entry.Service }) {
			continue
		}
		for _, r := range reports {
			doors := nearest(r.Doors, entry.Address)
			if r.Service == entry.Service && !slices.ContainsFunc(doors, func(d Door) bool { return d.Guard == open }) {
				complaints = append(complaints, fmt.Sprintf("%s: %s is open, and not said to be: %+v %s", entry.Service,
					entry.Address, doors, r.Error))
			}
		}
	}
	return complaints
}

func fullName(s estate.Service) string {
	location := s.Region
	if len(s.Elsewhere) > 0 {
		location = "global"
	}
	return "projects/" + project + "/locations/" + location + collection(s) + s.Name
}
