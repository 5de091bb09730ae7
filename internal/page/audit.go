// Package page is what a person looks at in a browser: the document of an audit.
//
// The document is one file that asks nothing of the network. Everything in it is readable and
// printable without JavaScript; the script only searches. A policy in the file forbids all other
// scripts and styles, and whatever would be loaded, so that a text that slipped through
// html/template could do nothing.
package page

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/drawing"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/safetext"
)

// mostListed bounds the lists that are about all services together. What is left off is counted.
const mostListed = 100

var (
	//go:embed audit.tmpl
	auditTemplate string
	//go:embed audit.css
	auditStyle string
	//go:embed audit.js
	auditScript string
	//go:embed symbols.svg
	symbols string
)

// Audit is what a document shows of an audit.
type Audit struct {
	Headline    string // whether anything is open
	News        string // what is new; "" = nothing to compare with
	Worst       string // the standing that the headline is about: open, unknown or guarded
	ObservedAt  time.Time
	Scope       []string
	Principal   string   // who looked; "" = not known
	Context     string   // the deployment whose policy counts; "" = none was named
	Policy      string   // its digest
	Holds       int      // in force
	Version     string   // of iapguard
	Chosen      string   // in words which services are shown; "" = all
	NumbersOnly bool     // no service is shown
	AsOf        []string // what is not as of the audit, in words
	Total       int      // of services, whichever are shown
	Standings   []Standing
	Doors       map[door.Guard]int
	Trend       *Trend
	Services    []Service // the worst first
	Hidden      []Service // that were not chosen: what could not be read of them is listed all the same
}

// Standing is how many services stand in one way.
type Standing struct {
	Name  string // open, unknown, exempt, uncovered, private or guarded
	Word  string // in words
	Count int
}

// Trend is what became of things since an earlier audit.
type Trend struct {
	Since     time.Time // of the earlier audit
	Policy    string    // of the earlier audit, where it differs
	Rows      []TrendRow
	New       []Door // unguarded now, and not then
	Fixed     []Door // the other way round
	Unchanged int
}

// TrendRow is one number then and now.
type TrendRow struct {
	What      string
	Then, Now int
}

// Change is the difference with its sign.
func (r TrendRow) Change() string {
	if r.Now == r.Then {
		return "same"
	}
	return fmt.Sprintf("%+d", r.Now-r.Then)
}

// Door names a door across audits.
type Door struct{ Service, Kind, Address string }

// Service is one service, or a place whose services could not be listed.
type Service struct {
	drawing.Service
	Standing  string // as in Standings
	Error     string // why nothing could be read of it
	Outcome   report.Outcome
	Rule      string
	Mode      string
	Team      string // as its label says
	OpenFor   string // since when, in words
	AsOf      string // since when it may be another, in words; "" = since the audit
	NewDoors  int    // unguarded now, and not in the earlier audit
	Exemption *report.Exemption
	Findings  []report.Finding
	Steps     []Step
	Callers   []string // who calls it, where a step could shut somebody out
	Unread    []report.Unread
	Why, Next string // for a service that needs a person
}

// Step is what would be done.
type Step struct{ Op, Resource, Change, Why string }

// Write writes the document.
func (a Audit) Write(to io.Writer) error {
	made := auditDocument{Audit: a}
	for _, one := range a.Services {
		made.Shown = append(made.Shown, shownService{Service: one, a: a})
	}
	made.Style, made.Script = template.CSS(auditCSS+pageFooter(a.ObservedAt)), template.JS(auditScript)
	made.Policies = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
		hashOf(string(made.Style)), hashOf(string(made.Script)))
	var b strings.Builder
	if err := auditTemplates.Execute(&b, made); err != nil {
		return fmt.Errorf("making the document: %w", err)
	}
	for line := range strings.Lines(b.String()) { // control characters of others' texts
		if _, err := io.WriteString(to, safetext.Escape(strings.TrimSuffix(line, "\n"), math.MaxInt)+"\n"); err != nil {
			return fmt.Errorf("writing the document: %w", err)
		}
	}
	return nil
}

// hashOf is the source of a Content-Security-Policy that allows one text.
// Source: w3.org/TR/CSP3, "hash-source".
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// auditCSS is the style of the document, but for the date.
var auditCSS = drawing.CSS + auditStyle

// pageFooter puts the date of the audit at the foot of each printed page.
func pageFooter(at time.Time) string {
	return fmt.Sprintf(`@page{@bottom-left{content:"Audit of %s"}}`, stamp(at))
}

// stamp is a time as a reader of any country reads it.
func stamp(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04 UTC") }

var auditTemplates = newAuditTemplates()

func newAuditTemplates() *template.Template {
	t := template.New("audit").Funcs(template.FuncMap{
		"stamp": stamp, "date": func(at time.Time) string { return at.UTC().Format("2 January 2006") },
		"machine": func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"symbol":  symbolOf, "number": number, "short": shortOf, "where": whereOf,
		"holds":    func(n int) string { return counted(n, "hold", "holds") },
		"services": func(n int) string { return counted(n, "service", "services") },
	})
	template.Must(t.Parse(strings.ReplaceAll(auditTemplate, "\n", "")))
	if err := drawing.AddTo(t); err != nil {
		panic(err) // both templates are our own
	}
	return t
}

// symbolOf is the symbol of a standing.
func symbolOf(standing string) string {
	switch standing {
	case "open":
		return "dg-open"
	case "private":
		return "dg-iam"
	case "guarded":
		return "dg-iap"
	case "exempt", "uncovered":
		return "pg-" + standing
	}
	return "dg-unknown"
}

// number is a count as people read it.
func number(n int) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// auditDocument is what the template shows.
type auditDocument struct {
	Audit
	Shown    []shownService
	Style    template.CSS
	Script   template.JS
	Policies string
}

// Symbols are what the document shows by reference.
func (auditDocument) Symbols() template.HTML {
	return drawing.Symbols + template.HTML(strings.TrimSpace(symbols))
}

// Title names the document among others.
func (d auditDocument) Title() string {
	return fmt.Sprintf("Access audit of %s, %s", first(d.Scope, 2), d.ObservedAt.UTC().Format("2 January 2006"))
}

// first is the beginning of a list, in words.
func first(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// DoorCounts are the doors by their guards, the worst first.
func (d auditDocument) DoorCounts() string {
	var parts []string
	for _, guard := range door.ByRisk {
		if n := d.Doors[guard]; n > 0 {
			parts = append(parts, number(n)+" "+string(guard))
		}
	}
	return strings.Join(parts, ", ")
}

// bar is a part of the strip that shows how services stand, in a thousandth of its width.
type bar struct {
	Name        string
	From, Width int
}

// Bars are the parts of the strip. What is there is seen, however little it is.
func (d auditDocument) Bars() []bar {
	var bars []bar
	at := 0
	for _, one := range d.Standings {
		if one.Count == 0 || d.Total == 0 {
			continue
		}
		width := max(6, one.Count*1000/d.Total)
		bars = append(bars, bar{one.Name, at, width})
		at += width
	}
	return bars
}

// BarsWidth is how wide the strip is.
func (d auditDocument) BarsWidth() int {
	bars := d.Bars()
	if len(bars) == 0 {
		return 1
	}
	last := bars[len(bars)-1]
	return last.From + last.Width
}

// codeRow is one kind of finding in the document.
type codeRow struct {
	Code     protection.Code
	Severity protection.Severity
	Services int
	Known    []Reference
}

// Codes are the kinds of findings, the most severe first, with the names that they have elsewhere.
func (d auditDocument) Codes() []codeRow {
	var rows []codeRow
	at := map[protection.Code]int{}
	for _, service := range d.Services {
		function := slices.ContainsFunc(service.Doors, func(d report.Door) bool { return d.Kind == door.FunctionURL })
		counted := map[protection.Code]bool{}
		for _, finding := range service.Findings {
			i, known := at[finding.Code]
			if !known {
				i = len(rows)
				at[finding.Code] = i
				rows = append(rows, codeRow{Code: finding.Code, Severity: finding.Severity})
			}
			if !counted[finding.Code] {
				rows[i].Services++
				counted[finding.Code] = true
			}
			if rank(finding.Severity) < rank(rows[i].Severity) {
				rows[i].Severity = finding.Severity
			}
			for _, reference := range References(finding.Code) {
				if (function || !reference.Function) && !slices.Contains(rows[i].Known, reference) {
					rows[i].Known = append(rows[i].Known, reference)
				}
			}
		}
	}
	slices.SortFunc(rows, func(a, b codeRow) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(b.Services, a.Services),
			cmp.Compare(a.Code, b.Code))
	})
	return rows
}

func rank(s protection.Severity) int {
	return slices.Index([]protection.Severity{protection.High, protection.Medium, protection.Low}, s)
}

// unreadRow is what could not be read for one reason.
type unreadRow struct {
	Why, Permission string
	Resource        string // the first
	More            int    // other resources
	Services        int
	seen            map[string]bool
}

// unreads are what could not be read, what concerns most services first.
func (d auditDocument) unreads() []*unreadRow {
	var rows []*unreadRow
	at := map[[2]string]*unreadRow{}
	add := func(resource, why, permission string) {
		key := [2]string{why, permission}
		row := at[key]
		if row == nil {
			row = &unreadRow{Why: why, Permission: permission, Resource: resource, seen: map[string]bool{resource: true}}
			at[key] = row
			rows = append(rows, row)
		}
		if !row.seen[resource] {
			row.seen[resource] = true
			row.More++
		}
		row.Services++
	}
	for _, service := range slices.Concat(d.Services, d.Hidden) {
		if service.Error != "" {
			add(service.Name, service.Error, "")
		}
		for _, one := range service.Unread {
			add(one.Resource, one.Why, one.Permission)
		}
	}
	slices.SortStableFunc(rows, func(a, b *unreadRow) int { return cmp.Compare(b.Services, a.Services) })
	return rows
}

// Unreads are the first of what could not be read.
func (d auditDocument) Unreads() []*unreadRow {
	all := d.unreads()
	return all[:min(len(all), mostListed)]
}

// MoreUnreads is how many more there are.
func (d auditDocument) MoreUnreads() int { return len(d.unreads()) - len(d.Unreads()) }

// Changed are the doors that are new or fixed, in lists of at most mostListed.
func (d auditDocument) Changed() []changed {
	if d.Trend == nil {
		return nil
	}
	lists := []changed{{Name: "Newly open doors", Doors: d.Trend.New},
		{Name: "Doors closed or gone", Doors: d.Trend.Fixed}}
	for i := range lists {
		lists[i].More = max(0, len(lists[i].Doors)-mostListed)
		lists[i].Doors = lists[i].Doors[:len(lists[i].Doors)-lists[i].More]
	}
	return lists
}

type changed struct {
	Name  string
	Doors []Door
	More  int
}

// shownService is a service as the template shows it.
type shownService struct {
	Service
	a Audit
}

// NeedsAPerson reports whether the service is shown with its details.
func (s shownService) NeedsAPerson() bool {
	return s.Standing == "open" || s.Standing == "unknown" || s.Standing == "exempt"
}

// Drawing is the service's drawing, compact where its details are folded.
func (s shownService) Drawing() drawing.Drawing {
	drawn := drawing.Of(s.Service.Service)
	if !s.NeedsAPerson() {
		return drawn.Compacted()
	}
	drawn.Location = "" // the line above has it
	return drawn
}

// Word is how the service stands.
func (s shownService) Word() string {
	for _, one := range s.a.Standings {
		if one.Name == s.Standing {
			return one.Word
		}
	}
	return s.Standing
}

// Short is the service's own name.
func (s shownService) Short() string { return shortOf(s.Name) }

// Where is the project and the location.
func (s shownService) Where() string { return whereOf(s.Name) }

func shortOf(name string) string { return name[strings.LastIndex(name, "/")+1:] }

func whereOf(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) != 6 {
		return name
	}
	where := parts[1] + ", " + parts[3]
	if parts[4] == "instances" {
		where += ", an instance"
	}
	return where
}

// Facts are what is known of the service beside its doors.
func (s shownService) Facts() string {
	var facts []string
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, name+value)
		}
	}
	switch {
	case s.Rule != "" && s.Mode != "":
		add("rule ", s.Rule+" ("+s.Mode+")")
	case s.Rule != "":
		add("rule ", s.Rule)
	case s.Error == "":
		add("", "no rule covers it")
	}
	if s.Outcome != report.Compliant {
		add("outcome ", string(s.Outcome))
	}
	add("team ", s.Team)
	return strings.Join(facts, "; ")
}

// Members are who may get in, where the drawing does not name all of them.
func (s shownService) Members() []named {
	var lists []named
	for _, each := range []named{
		{"Through IAP", s.Accessors, s.AccessorsLeftOff, s.AccessorsAtLeast},
		{"By invoking it", s.Invokers, s.InvokersLeftOff, s.InvokersAtLeast}} {
		if len(each.Members) > drawing.MaxMembers || each.LeftOff > 0 {
			lists = append(lists, each)
		}
	}
	return lists
}

type named struct {
	How     string
	Members []report.Named
	LeftOff int
	AtLeast bool
}
