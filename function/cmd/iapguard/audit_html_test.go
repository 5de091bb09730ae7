package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/browser"
)

// auditedAt is when estate was looked at.
var auditedAt = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// estate is an audit of so many services as a company has them: each with two addresses of its own
// and a load balancer. Of a hundred two are open, one is not known, one is exempt, two have no
// rule, and ten are private.
func estate(n int) audit {
	a := audit{ObservedAt: auditedAt, Version: "0.1.0", Scope: []string{"folders/123456789012"}, Policy: "3f9c1a7be204",
		Principal: "user:auditor@example.com"}
	for i := range n {
		a.Services = append(a.Services, estateService(i))
	}
	a.sort()
	a.Totals = a.count()
	return a
}

// estateNames are what services of estate are called.
var estateNames = []string{"checkout", "catalogue", "payments-api", "search-frontend", "invoices", "returns",
	"stock", "ledger-export"}

func estateService(i int) audited {
	project, team := fmt.Sprintf("shop-%s-%02d", []string{"prod", "stage"}[i%2], i%20), []string{"payments", "search",
		""}[i%3]
	short := fmt.Sprintf("%s-%d", estateNames[i%len(estateNames)], i)
	name := "projects/" + project + "/locations/europe-west1/services/" + short
	rule := "projects/" + project + "/global/forwardingRules/" + short + "-https"
	own := func(guard door.Guard) []report.Door {
		return []report.Door{
			{Kind: door.DefaultURL, Address: "https://" + short + "-k3x7qa5dcq-ew.a.run.app", Via: name, Guard: guard},
			{Kind: door.DefaultURL, Address: "https://" + short + "-482910375566.europe-west1.run.app", Via: name,
				Guard: guard},
		}
	}
	front := report.Door{Kind: door.LoadBalancer, Address: "https://" + short + ".shop.example.com", Via: rule,
		Guard: door.GuardIAP, Backend: "projects/" + project + "/global/backendServices/" + short + "-backend"}
	one := audited{Service: name, Outcome: report.Compliant, Exposed: door.No, Rule: "shops", Mode: policy.Enforce,
		Team:  team,
		Doors: append(own(door.GuardIngress), front), Accessors: []report.Named{{Member: "group:" + team + "staff@example.com"},
			{Member: "serviceAccount:e2e-tests@shop-ci.iam.gserviceaccount.com", Inherited: true}}}
	switch i % 100 {
	case 7, 61:
		since := auditedAt.Add(-time.Duration(i) * time.Hour)
		front.Guard = door.GuardOpen
		one.Exposed, one.ExposedSince, one.Outcome, one.Doors = door.Yes, &since, report.Planned,
			append(own(door.GuardOpen), front)
		one.Accessors = nil
		one.Findings = []report.Finding{
			{Code: protection.IAPOff, Severity: protection.High, Resource: rule, Why: "IAP is off at the backend service"},
			{Code: protection.IngressOpen, Severity: protection.Medium, Resource: name,
				Why: "the ingress lets in the whole internet"},
			{Code: protection.PublicInvoker, Severity: protection.High, Resource: name,
				Why: "everybody may invoke it (allUsers)"}}
		one.Steps = []report.Step{
			{Op: "enable-iap", Resource: rule, Field: "iap.enabled", From: "false", To: "true", Why: "IAP is off",
				Result: report.StepPlanned},
			{Op: "restrict-ingress", Resource: name, Field: "ingress", From: "INGRESS_TRAFFIC_ALL",
				To: "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", Why: "run.app addresses go past IAP", Result: report.StepPlanned},
			{Op: "revoke-public", Resource: name, Field: "roles/run.invoker", From: "allUsers",
				Why: "everybody may invoke it", Result: report.StepPlanned}}
		one.Callers = []report.Caller{{Kind: caller.SchedulerJob, Name: "nightly", Address: front.Address,
			Impact: caller.Breaks}}
	case 33:
		one.Exposed = door.Unknown
		one.Unread = []report.Unread{{Resource: "projects/host-net", Why: "403: compute.urlMaps.list is missing",
			Permission: "compute.urlMaps.list"}}
		one.Doors = append(own(door.GuardIngress), report.Door{Kind: door.LoadBalancer, Via: "projects/host-net",
			Guard: door.GuardUnknown,
			Why:   "403: compute.urlMaps.list is missing"})
	case 50:
		one.Outcome, one.Exposed, one.Doors = report.Exempt, door.Yes, own(door.GuardOpen)
		one.Exemption = &report.Exemption{Owner: "web team", Ticket: "SEC-1042", Reason: "the public price list",
			Expires: auditedAt.AddDate(0, 3, 0)}
	case 80, 81:
		one.Outcome, one.Rule, one.Mode = report.Uncovered, "", ""
	case 10, 20, 30, 40, 60, 70, 90, 91, 92, 93:
		one.Doors, one.Accessors = own(door.GuardIAM), nil
		one.Invokers = []report.Named{{Member: "serviceAccount:scheduler@" + project + ".iam.gserviceaccount.com"}}
	}
	return one
}

// withTrend is estate(n) beside an earlier one, in which a service was closed that is open now, and
// the other way round.
func withTrend(n int) audit {
	a, earlier := estate(n), estate(n)
	earlier.ObservedAt, earlier.Policy = auditedAt.AddDate(0, 0, -28), "77aa10b2c3d4"
	for i, one := range earlier.Services {
		switch one.stands() {
		case standsOpen:
			earlier.Services[i].Doors = one.Doors[:1]
		case standsPrivate:
			earlier.Services[i].Doors = []report.Door{{Kind: door.DefaultURL, Address: one.Doors[0].Address,
				Guard: door.GuardOpen}}
		}
	}
	earlier.Totals = earlier.count()
	var scopes []posture.Scope
	for i := range 20 {
		for _, stage := range []string{"prod", "stage"} {
			scopes = append(scopes, posture.Scope{Project: fmt.Sprintf("shop-%s-%02d", stage, i)})
		}
	}
	a.Comparison = earlier.compare(a, scopes)
	return a
}

// document writes the HTML of an audit into a file, and gives its URL.
func document(t *testing.T, a audit) string {
	t.Helper()
	text, err := (&auditShown{sort: "risk"}).html(a)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "audit.html")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + file
}

func TestAPersonReadsAndFiltersTheDocument(t *testing.T) {
	started := browser.Start(t)
	url := document(t, withTrend(200))
	shown := `[...document.querySelectorAll(".sv")].filter(one => one.checkVisibility()).length`
	tab := started.Tab(browser.View{})
	tab.Open(url)
	if n := browser.Value[int](tab, shown); n != 200 {
		t.Errorf("%d services are shown at first, want 200", n)
	}
	for _, tc := range []struct {
		name, do, found string
		want            int
	}{
		{"without what is guarded", `document.getElementById("f-guarded").click()`, "32 of 200 shown", 32},
		{"a word", `q.value = "returns-61"; q.dispatchEvent(new Event("input"))`, "1 of 200 shown", 1},
		{"two words", `q.value = "PLANNED search"; q.dispatchEvent(new Event("input"))`, "3 of 200 shown", 3},
		{"a word that nothing has", `q.value = "<script>"; q.dispatchEvent(new Event("input"))`, "0 of 200 shown", 0},
		{"all again", `q.value = ""; q.dispatchEvent(new Event("input")); document.getElementById("f-guarded").click()`,
			"", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			browser.Value[int](tab, `{ const q = document.getElementById("q"); `+tc.do+`; } 0`)
			if n := browser.Value[int](tab, shown); n != tc.want {
				t.Errorf("%d services are shown, want %d", n, tc.want)
			}
			if found := browser.Value[string](tab, `document.getElementById("found").textContent`); found != tc.found {
				t.Errorf("it says %q, want %q", found, tc.found)
			}
		})
	}
	folded := `document.querySelectorAll(".sv:not([open])").length`
	if n := browser.Value[int](tab, folded); n != 192 {
		t.Errorf("%d services are folded at first, want 192: all but those that need a person", n)
	}
	if n := browser.Value[int](tab, `document.getElementById("unfold").click(); `+folded); n != 0 {
		t.Errorf("%d services are folded after all were opened", n)
	}
	if asked := tab.Requests(); len(asked) != 1 || asked[0] != url {
		t.Errorf("the document asked for %q, want itself alone", asked)
	}
	if errors := tab.Errors(); len(errors) > 0 {
		t.Errorf("the browser says %q", errors)
	}
}

func TestTheDocumentNeedsNoJavaScript(t *testing.T) {
	tab := browser.Start(t).Tab(browser.View{NoScript: true})
	tab.Open(document(t, withTrend(100)))
	shown := `[...document.querySelectorAll(".sv")].filter(one => one.checkVisibility()).length`
	if n := browser.Value[int](tab, shown); n != 100 {
		t.Errorf("%d services are shown, want 100", n)
	}
	if browser.Value[bool](tab, `document.getElementById("find").checkVisibility()`) {
		t.Error("the search is shown, which does nothing without JavaScript")
	}
	browser.Value[int](tab, `document.getElementById("f-open").checked = false; 0`)
	if n := browser.Value[int](tab, shown); n != 98 {
		t.Errorf("%d services are shown without those that are open, want 98", n)
	}
	if !browser.Value[bool](tab, `document.querySelector(".partial").checkVisibility()`) {
		t.Error("nothing says that not every service is shown")
	}
}

// The pictures are for people to look at: TEST_PICTURES names a folder for them.
func TestEverybodyCanUseTheDocument(t *testing.T) {
	started := browser.Start(t)
	url, empty := document(t, withTrend(82)), document(t, estate(0)) // with a service of each standing
	for name, view := range map[string]browser.View{
		"light": {}, "dark": {Dark: true}, "phone": browser.Phone,
	} {
		t.Run(name, func(t *testing.T) {
			tab := started.Tab(view)
			for _, each := range []string{empty, url} {
				tab.Open(each)
				if faults := tab.Faults(); len(faults) > 0 {
					t.Errorf("%s:\n%s", each, strings.Join(faults, "\n"))
				}
			}
			tab.Keep("audit-"+name+".png", tab.Screenshot())
			browser.Value[int](tab, `document.querySelectorAll(".sv").forEach(one => { one.open = true; }); 0`)
			if faults := tab.Faults(); len(faults) > 0 {
				t.Errorf("with all details:\n%s", strings.Join(faults, "\n"))
			}
		})
	}
}

// A thousand services are one file that is read at once. The first paint is printed beside
// that of an empty document, in the same browser.
func TestTheDocumentKeepsItsBudget(t *testing.T) {
	started := browser.Start(t)
	weigh := func(services int) browser.Weight {
		tab := started.Tab(browser.View{})
		tab.Open(document(t, withTrend(services)))
		w := tab.Weight()
		t.Logf("%d services: %v", services, w)
		return w
	}
	weigh(0)
	budget := browser.Weight{Requests: 1, Bytes: 1 << 20, Nodes: 60_000}
	if over := weigh(1000).Over(budget); len(over) > 0 {
		t.Error(strings.Join(over, "\n"))
	}
}

func TestNoTextOfADocumentIsRun(t *testing.T) {
	a := estate(0)
	for i, bad := range []string{`<script>hurt()</script>`, `"><img src=x onerror=hurt()>`, `' onmouseover='hurt()`,
		"</style><link rel=stylesheet href=//example.com>", "</script><iframe src=//example.com>", "a\u202egnp.exe\x00"} {
		one := estateService(7) // which is open
		one.Service, one.Rule, one.Team, one.Error = fmt.Sprintf("projects/p/locations/l/services/%d%s", i, bad), bad,
			bad, ""
		one.Doors[0].Address, one.Doors[0].Via, one.Doors[0].Why = bad, bad, bad
		one.Findings[0].Why, one.Steps[0].Why, one.Callers[0].Name = bad, bad, bad
		one.Exemption = &report.Exemption{Owner: bad, Ticket: bad, Reason: bad, Expires: auditedAt}
		a.Services = append(a.Services, one, audited{Service: bad, Error: bad})
	}
	tab := browser.Start(t).Tab(browser.View{})
	url := document(t, a)
	tab.Open(url)
	if n := browser.Value[int](tab, `document.querySelectorAll(".sv").length`); n != len(a.Services) {
		t.Errorf("%d services are shown, want %d", n, len(a.Services))
	}
	if n := browser.Value[int](tab, `document.querySelectorAll("img, iframe, link, script:not(body > script)").length`); n != 0 {
		t.Errorf("%d elements came from texts", n)
	}
	if asked, errors := tab.Requests(), tab.Errors(); len(asked) != 1 || len(errors) != 0 {
		t.Errorf("the document asked for %q, and the browser says %q", asked, errors)
	}
}

func TestTheDocumentPrintsWithItsDate(t *testing.T) {
	tab := browser.Start(t).Tab(browser.View{Dark: true})
	tab.Open(document(t, withTrend(200)))
	pdf := tab.PDF()
	tab.Keep("audit.pdf", pdf)
	pages := regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)
	if len(pages) < 5 || len(pages) > 20 {
		t.Errorf("200 services print on %d pages", len(pages))
	}
	rules := browser.Value[string](tab,
		`[...document.styleSheets[0].cssRules].filter(r => r instanceof CSSPageRule).map(r => r.cssText).join()`)
	if !strings.Contains(rules, "Audit of 29 November 2026, 12:00 UTC") || !strings.Contains(rules, "counter(pages)") {
		t.Errorf("the rules of a page are %s", rules)
	}
}

func TestADocumentOfSomeSaysWhatWasNotReadOfAll(t *testing.T) {
	for _, shown := range []auditShown{{sort: "risk", only: []string{"guarded"}}, {sort: "risk", summary: true}} {
		text, err := shown.html(estate(100))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("<code>compute.urlMaps.list</code>")) || bytes.Contains(text, []byte("catalogue-33")) {
			t.Errorf("%+v: it hides what could not be read, or shows what was not chosen", shown)
		}
	}
}

func TestAThousandServicesFitAMegabyte(t *testing.T) {
	for n, most := range map[int]int{0: 25_000, 1000: 1_000_000, 10_000: 10_000_000} {
		text, err := (&auditShown{sort: "risk"}).html(estate(n))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d services: %d bytes", n, len(text))
		if len(text) > most {
			t.Errorf("%d services take %d bytes, want at most %d", n, len(text), most)
		}
		if got := bytes.Count(text, []byte(`<details class="sv`)); got != n {
			t.Errorf("%d services are there, want %d", got, n)
		}
	}
}

// With selectors that look at all services for each of them the browser took minutes for this.
func TestTenThousandServicesAreSearched(t *testing.T) {
	tab := browser.Start(t).Tab(browser.View{})
	tab.Open(document(t, estate(10_000)))
	browser.Value[int](tab, `document.getElementById("f-guarded").click(); document.getElementById("f-private").click(); 0`)
	browser.Value[int](tab, `{ const q = document.getElementById("q"); q.value = "returns open"; q.dispatchEvent(new Event("input")); } 0`)
	if found := browser.Value[string](tab, `document.getElementById("found").textContent`); found != "50 of 10000 shown" {
		t.Errorf("it says %q", found)
	}
}
