// Package drawing draws how requests reach a service: from the internet, or from a VPC network,
// through each door and its guard to the container.
//
// A drawing is HTML with symbols in SVG, so that long names wrap, a screen reader reads it as two
// lists, and it fits a phone. It is made from what a report says of doors, and so from the
// report's JSON too. No meaning rests on colour: each guard has a symbol, a word, and a line that
// ends at the guard where nobody passes. Every text that others wrote is escaped by
// html/template, and printed without control characters; no element has a style or a script of
// its own, so that a page can forbid both. The page brings CSS once in a style sheet, and Symbols
// once at the start of its body.
package drawing

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/safetext"
)

// Bounds of a drawing. What is left off is counted in it.
const (
	MaxRows      = 12 // doors that are alike share one
	maxAddresses = 3  // of one row
	MaxMembers   = 3  // of one row
	maxText      = 200
)

// CSS is the style of drawings: classes that begin with dg-, and variables of the same names for
// the colours, in light and in dark.
//
//go:embed drawing.css
var CSS string

//go:embed symbols.svg
var symbols string

// Symbols are what drawings show by reference. A page has them once, before its drawings.
var Symbols = template.HTML(strings.TrimSpace(symbols)) //nolint:gosec // our own file

//go:embed drawing.tmpl
var text string

var drawn = template.Must(template.New("drawing").Parse(text))

// AddTo adds the template "drawing" to the templates of a page; it draws a Drawing.
func AddTo(page *template.Template) error {
	_, err := page.AddParseTree("drawing", drawn.Tree)
	return err
}

// Service is what is drawn. Its members are those of a report, and of a service in the document
// of audit.
type Service struct {
	Name             string // full name
	Doors            []report.Door
	DoorsLeftOff     int            // how many more there are
	Accessors        []report.Named // at doors that IAP guards
	AccessorsLeftOff int
	AccessorsAtLeast bool
	Invokers         []report.Named // at doors that IAM alone guards
	InvokersLeftOff  int
	InvokersAtLeast  bool
}

// OfReport is the service that a report is about, with its doors as they were last seen.
func OfReport(r report.Report) Service {
	s := Service{Name: r.Subject(), Doors: r.Doors,
		Accessors: r.Accessors, AccessorsLeftOff: r.AccessorsLeftOff, AccessorsAtLeast: r.AccessorsAtLeast,
		Invokers: r.Invokers, InvokersLeftOff: r.InvokersLeftOff, InvokersAtLeast: r.InvokersAtLeast}
	if r.LeftOff != nil {
		s.DoorsLeftOff = r.LeftOff.Doors
	}
	return s
}

// OfPosture is the service of a posture, with all its doors and who gets in there.
func OfPosture(p posture.Posture) Service {
	accessors, invokers := door.NamedAccessors(p), door.NamedInvokers(p)
	return Service{Name: p.Target.Name(), Doors: report.DoorsOf(door.Of(p)),
		Accessors: report.NamedOf(accessors.Named), AccessorsLeftOff: accessors.LeftOff, AccessorsAtLeast: accessors.AtLeast,
		Invokers: report.NamedOf(invokers.Named), InvokersLeftOff: invokers.LeftOff, InvokersAtLeast: invokers.AtLeast}
}

// Drawing is a service as it is drawn: made by Of, shown by the template.
type Drawing struct {
	Caption        string // in words what is drawn
	From           []From // where requests come from
	Name, Location string // of the container
	Project        string
	// Compact leaves out what a line above the drawing says: the caption, and the names of both
	// ends, where the internet is the only place that requests come from.
	Compact bool
}

// From is a place that requests come from, with the ways in from there, the worst first.
type From struct {
	Place  string
	Symbol string
	Rows   []Row
}

// Row is one door, or several that are alike but for the address.
type Row struct {
	Guard     door.Guard // also the symbol's name
	Word      string     // the guard in a word
	Addresses []string
	Kind      string // what kind of way it is; "" = the resource behind it says so
	Via       string // the resources behind it
	More      string // in words how many more addresses it has
	Who       string // gets in
	Why       string // that is so, where it does not show
	Exempt    string
}

// Of draws a service.
func Of(s Service) Drawing {
	target, err := posture.ParseTarget(s.Name)
	if err != nil {
		target = posture.Target{Service: s.Name[strings.LastIndex(s.Name, "/")+1:]}
	}
	d := Drawing{Name: safe(target.Service), Location: safe(target.Location), Project: safe(target.Project)}
	var outside, inside []Row
	for _, row := range s.rows(target.Project) {
		if row.inside {
			inside = append(inside, row.Row)
		} else {
			outside = append(outside, row.Row)
		}
	}
	d.Caption = s.caption()
	if len(outside) > 0 {
		d.From = append(d.From, From{internet, "internet", outside})
	}
	if len(inside) > 0 {
		d.From = append(d.From, From{"VPC network", "network", inside})
	}
	return d
}

// Compacted is the drawing for a page that names the service above it.
func (d Drawing) Compacted() Drawing {
	d.Compact, d.Location = len(d.From) == 1 && d.From[0].Place == internet, ""
	return d
}

// internet is where requests come from that come from anywhere.
const internet = "Internet"

// HTML is the drawing of a service.
func HTML(s Service) (template.HTML, error) {
	var b strings.Builder
	if err := drawn.Execute(&b, Of(s)); err != nil {
		return "", fmt.Errorf("drawing %s: %w", safe(s.Name), err)
	}
	return template.HTML(b.String()), nil //nolint:gosec // html/template has escaped it
}

// placedRow is a row and the side that it is on.
type placedRow struct {
	Row
	inside  bool // requests come from a VPC network
	doors   int
	unnamed int // doors that have no address in the row
}

// rows are the doors, those that are alike in one row, the worst first, at most MaxRows.
func (s Service) rows(project string) []placedRow {
	var rows []placedRow
	at := map[report.Door]int{}
	for _, one := range s.Doors {
		alike := one
		alike.Address, alike.Count, alike.Guard = "", 0, guardOf(one.Guard)
		i, known := at[alike]
		if !known {
			i = len(rows)
			at[alike] = i
			rows = append(rows, s.row(alike, project))
		}
		row := &rows[i]
		row.doors += max(1, one.Count)
		if one.Address != "" && len(row.Addresses) < maxAddresses {
			row.Addresses = append(row.Addresses, safe(one.Address))
		} else if one.Address != "" || one.Count > 0 {
			row.unnamed += max(1, one.Count)
		}
	}
	slices.SortStableFunc(rows, func(a, b placedRow) int { return cmp.Compare(a.Guard.Risk(), b.Guard.Risk()) })
	for i := range rows {
		if n := rows[i].unnamed; n > 0 {
			rows[i].More = "and " + counted(n, "address", "addresses") + " more"
		}
	}
	switch {
	case len(rows) == 0:
		return []placedRow{{Row: Row{Guard: door.GuardUnknown, Word: word(door.GuardUnknown),
			Kind: "no door is known", Who: "who gets in is not known"}}}
	case len(rows) > MaxRows || s.DoorsLeftOff > 0:
		return s.bounded(rows)
	}
	return rows
}

// bounded are the first rows, and one that counts the others.
func (s Service) bounded(rows []placedRow) []placedRow {
	kept := min(len(rows), MaxRows-1)
	more, left := 0, map[door.Guard]int{}
	worst := door.GuardClosed
	for _, row := range rows[kept:] {
		more += row.doors
		left[row.Guard] += row.doors
		if row.Guard.Risk() < worst.Risk() {
			worst = row.Guard
		}
	}
	if s.DoorsLeftOff > 0 { // nothing is known of these
		more += s.DoorsLeftOff
		left[door.GuardUnknown] += s.DoorsLeftOff
		if door.GuardUnknown.Risk() < worst.Risk() {
			worst = door.GuardUnknown
		}
	}
	var parts []string
	for _, guard := range door.ByRisk {
		if n := left[guard]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word(guard)))
		}
	}
	return append(rows[:kept:kept], placedRow{Row: Row{Guard: worst, Word: word(worst),
		Kind: fmt.Sprintf("and %s more", counted(more, "door", "doors")), Who: strings.Join(parts, ", ")}})
}

// row is a door without its address.
func (s Service) row(d report.Door, project string) placedRow {
	behind := []string{via(d.Via, project), via(d.Backend, project)}
	behind = slices.DeleteFunc(behind, func(resource string) bool { return resource == "" })
	row := placedRow{inside: d.Kind == door.InternalLoadBalancer, Row: Row{Guard: d.Guard, Word: word(d.Guard),
		Kind: Kind(d.Kind), Via: safe(strings.Join(behind, ", ")), Why: safe(d.Why), Exempt: safe(d.Exempt)}}
	if d.Backend != "" {
		row.Kind = ""
	}
	if d.Names != "" {
		row.Kind = Kind(d.Kind)
		row.Kind += " for any host, with certificates for " + safe(d.Names)
	}
	switch d.Guard {
	case door.GuardOpen:
		row.Who = "anyone gets in"
	case door.GuardSignedIn:
		row.Who = "anyone with a Google account gets in"
	case door.GuardIAP:
		row.Who = named(s.Accessors, s.AccessorsLeftOff, s.AccessorsAtLeast)
	case door.GuardIAM:
		row.Who = named(s.Invokers, s.InvokersLeftOff, s.InvokersAtLeast)
	case door.GuardIngress:
		row.Who = "nobody gets in from here"
	case door.GuardClosed:
		row.Who = "nobody gets in: switched off"
	default:
		row.Who = "who gets in is not known"
	}
	return row
}

// caption counts the doors by their guards.
func (s Service) caption() string {
	count, total := map[door.Guard]int{}, 0
	for _, one := range s.Doors {
		count[guardOf(one.Guard)] += max(1, one.Count)
		total += max(1, one.Count)
	}
	if s.DoorsLeftOff > 0 {
		count[door.GuardUnknown] += s.DoorsLeftOff
		total += s.DoorsLeftOff
	}
	if total == 0 {
		return "No door is known"
	}
	var parts []string
	for _, guard := range door.ByRisk {
		if n := count[guard]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word(guard)))
		}
	}
	return counted(total, "door", "doors") + ": " + strings.Join(parts, ", ")
}

// named are members in a line.
func named(members []report.Named, leftOff int, atLeast bool) string {
	if len(members) == 0 && leftOff == 0 {
		if atLeast {
			return "who gets in is not known"
		}
		return "nobody is named"
	}
	var names []string
	for _, one := range members[:min(len(members), MaxMembers)] {
		name := safe(one.Member)
		if one.Conditional {
			name += " (under a condition)"
		}
		names = append(names, name)
	}
	line := strings.Join(names, ", ")
	if more := len(members) - len(names) + leftOff; more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	if atLeast {
		line += ", and perhaps others"
	}
	return line
}

// guardOf is a guard that can be drawn: what this version does not know is unknown.
func guardOf(g door.Guard) door.Guard {
	if g.Risk() < 0 {
		return door.GuardUnknown
	}
	return g
}

// word is a guard in a word, as reports spell it where that is one.
func word(g door.Guard) string {
	switch g {
	case door.GuardSignedIn:
		return "anyone signed in"
	case door.GuardIAP:
		return "IAP"
	case door.GuardIAM:
		return "IAM"
	case door.GuardUnknown:
		return "not known"
	}
	return string(g)
}

// Kind says in words what kind of way a door is.
func Kind(k door.Kind) string {
	switch k {
	case door.DefaultURL:
		return "default URL"
	case door.TagURL:
		return "URL of a tagged revision"
	case door.FunctionURL:
		return "function URL"
	}
	return safe(strings.ReplaceAll(string(k), "-", " "))
}

// resources are what collections of resources are called.
var resources = map[string]string{
	"forwardingRules": "forwarding rule", "urlMaps": "URL map", "domainmappings": "domain mapping",
	"backendServices": "backend service"}

// via is the resource behind a door in words, "" where that is the service itself. Its project
// is named where that is another one.
func via(resource, project string) string {
	parts := strings.Split(resource, "/")
	switch {
	case len(parts) == 2 && parts[0] == "projects":
		return "somewhere in project " + parts[1]
	case len(parts) < 4 || parts[0] != "projects":
		return resource
	}
	if parts[1] == project {
		project = ""
	} else {
		project = " of project " + parts[1]
	}
	name, collection := parts[len(parts)-1], parts[len(parts)-2]
	switch {
	case collection == "services" || collection == "instances":
		return ""
	case resources[collection] != "":
		return resources[collection] + " " + name + project
	case resources[name] != "":
		return "a " + resources[name] + project
	}
	return resource
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// safe is text of others on one line.
func safe(text string) string { return safetext.Escape(text, maxText) }
