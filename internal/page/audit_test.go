package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/drawing"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

const hello = "projects/demo-project/locations/us-central1/services/hello"

// written is the document of an audit.
func written(t *testing.T, a Audit) string {
	t.Helper()
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// filled is an audit whose every text is one text.
func filled(text string) Audit {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	open := report.Door{Kind: door.Kind(text), Address: text, Via: text, Guard: door.GuardOpen, Why: text, Names: text,
		Exempt: text}
	who := []report.Named{{Member: text}, {Member: text}, {Member: text}, {Member: text, Conditional: true}}
	return Audit{Headline: text, News: text, Worst: "open", ObservedAt: at, Scope: []string{text, text, text},
		Principal: text,
		Context:   text, Policy: text, AsOf: []string{text}, Holds: 2, Version: text, Chosen: text, Total: 1, Standings: []Standing{{"open", text,
			1}},
		Doors: map[door.Guard]int{door.GuardOpen: 1},
		Trend: &Trend{Since: at, Policy: text, Rows: []TrendRow{{text, 1, 2}}, New: []Door{{text, text, text}}},
		Services: []Service{{Service: drawing.Service{Name: text, Doors: []report.Door{open}, Accessors: who,
			Invokers: who},
			Standing: "open", Outcome: report.Outcome(text), Rule: text, Mode: text, Team: text, OpenFor: text, AsOf: text, NewDoors: 1,
			Exemption: &report.Exemption{Owner: text, Ticket: text, Reason: text, Expires: at},
			Findings: []report.Finding{{Code: protection.Code(text), Severity: protection.Severity(text), Resource: text,
				Why: text}},
			Steps: []Step{{text, text, text, text}}, Callers: []string{text},
			Unread: []report.Unread{{Resource: text, Why: text, Permission: text}}, Why: text, Next: text},
			{Service: drawing.Service{Name: text}, Standing: "unknown", Error: text}}}
}

// elements are what a document consists of, but for its texts.
func elements(t *testing.T, document string) []string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(document))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var found []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if start, is := token.(xml.StartElement); is {
			one := start.Name.Local
			for _, each := range start.Attr {
				one += " " + each.Name.Local
			}
			found = append(found, one)
		}
	}
}

func TestTextsOfOthersStayTexts(t *testing.T) {
	script := regexp.MustCompile(`(?s)<(script|style)>.*?</(script|style)>`)
	bare := func(document string) string { return script.ReplaceAllString(document, "<$1></$1>") }
	plain := elements(t, bare(written(t, filled("a"))))
	for _, bad := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`,
		`' onmouseover='alert(1)`,
		`javascript:alert(1)`, "</details></main>", "{{.Policy}}", "]]>", "--><b>", "</style>", "}@page{", "\x00\x1b[31m"} {
		document := written(t, filled(bad))
		if diff := cmp.Diff(plain, elements(t, bare(document))); diff != "" {
			t.Errorf("%q changes the document (-plain +hostile):\n%s", bad, diff)
		}
		if got := strings.Count(document, "<script>") + strings.Count(document, "<style>"); got != 2 {
			t.Errorf("%q: %d scripts and styles, want one of each", bad, got)
		}
	}
}

func TestThePolicyAllowsTheOwnScriptAndStyleAlone(t *testing.T) {
	document := written(t, filled("a"))
	for _, element := range []string{"script", "style"} {
		_, after, _ := strings.Cut(document, "<"+element+">")
		text, _, _ := strings.Cut(after, "</"+element+">")
		hash := strings.ReplaceAll(strings.ReplaceAll(hashOf(text), "'", "&#39;"), "+", "&#43;")
		if want := element + "-src " + hash + ";"; len(text) < 100 || !strings.Contains(document, want) {
			t.Errorf("the policy has no %s", want)
		}
	}
	if bad := regexp.MustCompile(`<[^>]* (style|on[a-z]+)=`).FindString(document); bad != "" {
		t.Errorf("an element has a style or a script of its own: %s", bad)
	}
	if !strings.Contains(document, `content="default-src &#39;none&#39;; `) {
		t.Error("the policy allows more than it names")
	}
}

func TestFindingsAreCountedOnceAService(t *testing.T) {
	finding := func(code protection.Code, severity protection.Severity) report.Finding {
		return report.Finding{Code: code, Severity: severity}
	}
	function := drawing.Service{Doors: []report.Door{{Kind: door.FunctionURL}}}
	d := auditDocument{Audit: Audit{Services: []Service{
		{Findings: []report.Finding{finding(protection.IAPOff, protection.Medium), finding(protection.IAPOff,
			protection.High)}},
		{Findings: []report.Finding{finding(protection.IAPOff, protection.Medium), finding(protection.PublicInvoker,
			protection.High)}},
		{Findings: []report.Finding{finding(protection.NoAccessor, protection.Low)}},
	}}}
	want := []codeRow{
		{protection.IAPOff, protection.High, 2, []Reference{cisIAP, turbotIAP}},
		{protection.PublicInvoker, protection.High, 1, []Reference{checkovPublic, memberDomains}},
		{protection.NoAccessor, protection.Low, 1, nil},
	}
	if diff := cmp.Diff(want, d.Codes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d.Services[1].Service = function
	if got := d.Codes()[1].Known; !slices.Contains(got, prowlerFunction) {
		t.Errorf("of a function it is known as %v", got)
	}
}

func TestEveryReferenceIsOfAFinding(t *testing.T) {
	for code, known := range references {
		if !slices.Contains(protection.Codes(), code) || len(known) == 0 {
			t.Errorf("%s is no finding, or is known as nothing", code)
		}
		for _, one := range known {
			if one.Catalogue == "" || one.ID == "" {
				t.Errorf("%s: %+v", code, one)
			}
		}
	}
}

func TestWhatCouldNotBeReadIsGrouped(t *testing.T) {
	unread := func(resource, why string) report.Unread {
		return report.Unread{Resource: resource, Why: why, Permission: "p"}
	}
	d := auditDocument{Audit: Audit{Services: []Service{
		{Unread: []report.Unread{unread("a", "denied")}},
		{Unread: []report.Unread{unread("b", "denied"), unread("c", "off")}},
		{Unread: []report.Unread{unread("a", "denied")}},
		{Service: drawing.Service{Name: hello}, Error: "gone"},
	}}}
	var got []unreadRow
	for _, row := range d.Unreads() {
		row.seen = nil
		got = append(got, *row)
	}
	want := []unreadRow{{Why: "denied", Permission: "p", Resource: "a", More: 1, Services: 3},
		{Why: "off", Permission: "p", Resource: "c", Services: 1}, {Why: "gone", Resource: hello, Services: 1}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(unreadRow{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range 150 {
		d.Services = append(d.Services, Service{Unread: []report.Unread{unread("x", string(rune('一'+i)))}})
	}
	if shown, more := len(d.Unreads()), d.MoreUnreads(); shown != mostListed || more != 53 {
		t.Errorf("%d are shown and %d more, want %d and 53", shown, more, mostListed)
	}
}

func TestLongListsOfTheTrendAreCut(t *testing.T) {
	a := filled("a")
	a.Trend.New = slices.Repeat([]Door{{"s", "k", "d"}}, 130)
	a.Trend.Fixed = nil
	document := written(t, a)
	if got := strings.Count(document, "<code>d</code>"); got != mostListed || !strings.Contains(document,
		"and 30 more") {
		t.Errorf("%d doors are listed, want %d and that 30 are left off", got, mostListed)
	}
	if !strings.Contains(document, "or gone</h3><p class=\"quiet\">None.") {
		t.Error("that no door was closed is not said")
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, want string
		audit      Audit
	}{
		{"no service", "No service was found.", Audit{ObservedAt: at, Worst: "guarded"}},
		{"the numbers alone", "<h2 id=\"totals\">", Audit{ObservedAt: at, Total: 3, NumbersOnly: true}},
		{"none as chosen", "No service stands as chosen.", Audit{ObservedAt: at, Total: 3}},
		{"a choice", "This document shows only team t.", Audit{ObservedAt: at, Total: 3, Chosen: "team t"}},
		{"nobody known", "<dd>not known</dd>", Audit{ObservedAt: at}},
		{"no policy", "none: nothing is changed without one", Audit{ObservedAt: at, Policy: "none"}},
		{"a place", "projects/p/locations/l", Audit{ObservedAt: at,
			Services: []Service{{Service: drawing.Service{Name: "projects/p/locations/l"}, Standing: "unknown",
				Error: "denied"}}}},
		{"a built-in exemption", "<b>Exempt</b>, built in: ", Audit{ObservedAt: at,
			Services: []Service{{Service: drawing.Service{Name: hello}, Standing: "exempt",
				Exemption: &report.Exemption{Reason: "r"}}}}},
		{"an instance", "p, l, an instance", Audit{ObservedAt: at, Services: []Service{
			{Service: drawing.Service{Name: "projects/p/locations/l/instances/i"}, Standing: "private"}}}},
	} {
		if document := written(t, tc.audit); !strings.Contains(document, tc.want) {
			t.Errorf("%s: the document has no %q", tc.name, tc.want)
		} else if numbers := !strings.Contains(document, `id="services"`); numbers != tc.audit.NumbersOnly {
			t.Errorf("%s: it leaves services out: %v", tc.name, numbers)
		}
	}
}

func TestNumbersAreReadable(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000",
		-100: "-100"} {
		if got := number(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
	for row, want := range map[TrendRow]string{{"", 1, 1}: "same", {"", 3, 1}: "-2", {"", 0, 4}: "+4"} {
		if got := row.Change(); got != want {
			t.Errorf("%+v: %s, want %s", row, got, want)
		}
	}
}
