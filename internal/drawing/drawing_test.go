package drawing

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
	"github.com/iapguard/iapguard/internal/report"
)

const (
	hello    = "projects/demo-project/locations/us-central1/services/hello"
	own      = "https://hello-abc-uc.a.run.app"
	numbered = "https://hello-123456789012.us-central1.run.app"
	rule     = "projects/demo-project/global/forwardingRules/hello-https"
)

// parts are the elements, the attributes and the texts of a drawing, which is XML too.
type parts struct {
	elements, attributes map[string]bool
	classes              map[string]bool
	texts                []string
}

func parse(t *testing.T, html template.HTML) parts {
	t.Helper()
	p := parts{map[string]bool{}, map[string]bool{}, map[string]bool{}, nil}
	decoder := xml.NewDecoder(strings.NewReader("<page>" + string(html) + "</page>"))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return p
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, html)
		}
		switch token := token.(type) {
		case xml.StartElement:
			p.elements[token.Name.Local] = true
			for _, each := range token.Attr {
				p.attributes[each.Name.Local] = true
				if each.Name.Local == "class" {
					for class := range strings.FieldsSeq(each.Value) {
						p.classes[class] = true
					}
				}
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				p.texts = append(p.texts, text)
			}
		}
	}
}

// drawnAs are the texts of a drawing.
func drawnAs(t *testing.T, s Service) []string {
	t.Helper()
	html, err := HTML(s)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, html).texts
}

func TestADrawingSaysWhoGetsInWhere(t *testing.T) {
	alice := []report.Named{{Member: "user:alice@example.com"}}
	from := func(guard door.Guard, change ...func(*report.Door)) report.Door {
		d := report.Door{Kind: door.LoadBalancer, Address: "https://hello.example.com", Via: rule, Guard: guard}
		for _, each := range change {
			each(&d)
		}
		return d
	}
	const at, kind, via = "https://hello.example.com", "load balancer", "forwarding rule hello-https"
	for _, tc := range []struct {
		name string
		in   Service
		want []string
	}{
		{"no doors", Service{}, []string{"No door is known", "Internet", "no door is known", "not known",
			"who gets in is not known", "hello", "us-central1"}},
		{"open", Service{Doors: []report.Door{from(door.GuardOpen)}},
			[]string{"1 door: 1 open", "Internet", at, kind + ", " + via, "open", "anyone gets in", "hello", "us-central1"}},
		{"anyone signed in",
			Service{Doors: []report.Door{from(door.GuardSignedIn, func(d *report.Door) { d.Why = "IAP lets it" })}},
			[]string{"1 door: 1 anyone signed in", "Internet", at, kind + ", " + via, "anyone signed in",
				"anyone with a Google account gets in", "IAP lets it", "hello", "us-central1"}},
		{"IAP",
			Service{Doors: []report.Door{from(door.GuardIAP)}, Accessors: alice, AccessorsLeftOff: 7, AccessorsAtLeast: true},
			[]string{"1 door: 1 IAP", "Internet", at, kind + ", " + via, "IAP",
				"user:alice@example.com and 7 more, and perhaps others", "hello", "us-central1"}},
		{"IAP with nobody", Service{Doors: []report.Door{from(door.GuardIAP)}},
			[]string{"1 door: 1 IAP", "Internet", at, kind + ", " + via, "IAP", "nobody is named", "hello", "us-central1"}},
		{"IAM", Service{Doors: []report.Door{from(door.GuardIAM)}, Invokers: alice},
			[]string{"1 door: 1 IAM", "Internet", at, kind + ", " + via, "IAM", "user:alice@example.com", "hello", "us-central1"}},
		{"a guard of a later version", Service{Doors: []report.Door{from("moat")}},
			[]string{"1 door: 1 not known", "Internet", at, kind + ", " + via, "not known", "who gets in is not known", "hello",
				"us-central1"}},
		{"two addresses of one kind, exempt", Service{Doors: []report.Door{
			{Kind: door.DefaultURL, Address: own, Via: hello, Guard: door.GuardOpen, Exempt: "until Monday"},
			{Kind: door.DefaultURL, Address: numbered, Via: hello, Guard: door.GuardOpen, Exempt: "until Monday"}}},
			[]string{"2 doors: 2 open", "Internet", own, numbered, "default URL", "open", "anyone gets in",
				"exempt: until Monday", "hello", "us-central1"}},
		{"the worst first, and a VPC network's own", Service{Doors: []report.Door{from(door.GuardIngress),
			{Kind: door.InternalLoadBalancer, Address: "http://10.0.0.7", Via: "projects/host/regions/r/forwardingRules/in",
				Guard: door.GuardClosed},
			{Kind: door.LoadBalancer, Via: "projects/demo-project", Guard: door.GuardUnknown, Why: "denied"}}},
			[]string{"3 doors: 1 not known, 1 ingress, 1 closed", "Internet", kind + ", somewhere in project demo-project",
				"not known", "who gets in is not known", "denied", at, kind + ", " + via, "ingress", "nobody gets in from here",
				"VPC network", "http://10.0.0.7", "internal load balancer, forwarding rule in of project host", "closed",
				"nobody gets in: switched off", "hello", "us-central1"}},
		{"a backend service", Service{Doors: []report.Door{from(door.GuardIAP, func(d *report.Door) {
			d.Backend, d.Names = "projects/demo-project/global/backendServices/hello-backend", "hello.example.com"
		})}, Accessors: alice}, []string{"1 door: 1 IAP", "Internet", at,
			kind + " for any host, with certificates for hello.example.com, " + via + ", backend service hello-backend", "IAP",
			"user:alice@example.com", "hello", "us-central1"}},
		{"a backend service of a host project", Service{Doors: []report.Door{from(door.GuardClosed, func(d *report.Door) {
			d.Backend = "projects/host/regions/r/backendServices/b"
		})}}, []string{"1 door: 1 closed", "Internet", at, via + ", backend service b of project host", "closed",
			"nobody gets in: switched off", "hello", "us-central1"}},
		{"addresses that are counted", Service{Doors: []report.Door{from(door.GuardIAP),
			from(door.GuardIAP, func(d *report.Door) {
				d.Address, d.Count = "", 990
			})}, Accessors: alice}, []string{"991 doors: 991 IAP", "Internet", at, kind + ", " + via + ", and 990 addresses more", "IAP",
			"user:alice@example.com", "hello", "us-central1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.Name = hello
			if diff := cmp.Diff(tc.want, drawnAs(t, tc.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestManyDoorsAreCounted(t *testing.T) {
	s := Service{Name: hello, DoorsLeftOff: 5}
	for i := range 100 {
		s.Doors = append(s.Doors, report.Door{Kind: door.LoadBalancer, Address: fmt.Sprintf("https://h%d.example.com", i),
			Via: fmt.Sprintf("projects/demo-project/global/forwardingRules/r%d", i), Guard: door.ByRisk[i%7]})
	}
	d := Of(s)
	if got := len(d.From[0].Rows); got != MaxRows {
		t.Errorf("%d rows, want %d", got, MaxRows)
	}
	last := d.From[0].Rows[MaxRows-1]
	want := Row{Guard: door.GuardOpen, Word: "open", Kind: "and 94 doors more",
		Who: "4 open, 15 anyone signed in, 19 not known, 14 IAM, 14 IAP, 14 ingress, 14 closed"}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("the last row (-want +got):\n%s", diff)
	}
	if html, err := HTML(s); err != nil || len(html) > 8<<10 {
		t.Errorf("%d bytes, error %v", len(html), err)
	}
	s.Doors, s.DoorsLeftOff = s.Doors[:0], 0
	for i := range 40 {
		s.Doors = append(s.Doors, report.Door{Kind: door.TagURL, Address: fmt.Sprint("https://t", i),
			Via: hello, Guard: door.GuardIngress})
	}
	if texts := drawnAs(t, s); !slices.Contains(texts, "URL of a tagged revision, and 37 addresses more") ||
		len(texts) != 10 {
		t.Errorf("forty addresses that are alike: %q", texts)
	}
}

// hostile are texts that would do harm in a page, or mislead its reader.
var hostile = []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`,
	`javascript:alert(1)`, "</figure></body>", "a\u202egnp.exe", "a\x00\x1b[31m\r\nb", "\xff\xfe", "{{.Name}}",
	"&lt;b&gt;", strings.Repeat("<", 10_000), "]]>", "</style>"}

func TestHostileTextsAreShownAsText(t *testing.T) {
	for _, bad := range hostile {
		s := Service{Name: bad, Accessors: []report.Named{{Member: bad}}, Doors: []report.Door{
			{Kind: door.LoadBalancer, Address: bad, Via: bad, Guard: door.GuardIAP, Why: bad, Names: bad, Exempt: bad},
			{Kind: door.Kind(bad), Address: bad, Via: "projects/" + bad + "/global/forwardingRules/" + bad,
				Guard: door.Guard(bad)},
		}}
		html, err := HTML(s)
		if err != nil {
			t.Fatal(err)
		}
		p := parse(t, html)
		for got, want := range map[string][]string{
			"b code div figcaption figure li ol p page small svg use": slices.Sorted(maps.Keys(p.elements)),
			"class href role": slices.Sorted(maps.Keys(p.attributes)),
		} {
			if diff := cmp.Diff(strings.Fields(got), want); diff != "" {
				t.Errorf("%.40q (-want +got):\n%s", bad, diff)
			}
		}
		for _, text := range p.texts {
			if strings.ContainsAny(text, "\u202e\x00\x1b\r\n") || len(text) > 3*maxText+100 {
				t.Errorf("%.40q is shown as %.200q", bad, text)
			}
		}
	}
}

// A page can forbid styles and scripts in its elements, and each guard shows by more than
// a colour.
func TestEveryGuardHasASymbolAndAStyle(t *testing.T) {
	words := map[string]bool{}
	for _, guard := range door.ByRisk {
		html, err := HTML(Service{Name: hello, Doors: []report.Door{
			{Kind: door.DefaultURL, Address: own, Via: hello, Guard: guard},
			{Kind: door.InternalLoadBalancer, Address: own, Via: rule, Guard: guard}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, used := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(string(html), -1) {
			if !strings.Contains(string(Symbols), `<symbol id="`+used[1]+`"`) {
				t.Errorf("there is no symbol %s", used[1])
			}
		}
		for class := range parse(t, html).classes {
			if !strings.Contains(CSS, "."+class) && class != "dg-"+string(guard) {
				t.Errorf("class %s has no style", class)
			}
		}
		words[word(guard)] = true
	}
	if len(words) != len(door.ByRisk) {
		t.Errorf("guards share a word: %v", words)
	}
}

func TestAReportsJSONIsDrawnAsItsPostureIs(t *testing.T) {
	p := posturetest.Protected()
	r := report.Report{Target: report.TargetOf(p), Doors: report.DoorsOf(door.Of(p)),
		Accessors: []report.Named{{Member: "user:alice@example.com"}}}
	fromPosture := Of(OfPosture(p))
	if diff := cmp.Diff(fromPosture, Of(OfReport(r))); diff != "" {
		t.Errorf("posture and report differ (-posture +report):\n%s", diff)
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var read report.Report
	if err := json.Unmarshal(line, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromPosture, Of(OfReport(read))); diff != "" {
		t.Errorf("posture and JSON differ (-posture +JSON):\n%s", diff)
	}
	r.LeftOff = &report.LeftOff{Doors: 3}
	if got := Of(OfReport(r)).Caption; got != "5 doors: 3 not known, 1 IAP, 1 ingress" {
		t.Errorf("caption %q", got)
	}
}

func TestAPageTakesTheDrawing(t *testing.T) {
	page := template.Must(template.New("page").Parse(`<main>{{template "drawing" .}}</main>`))
	if err := AddTo(page); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := page.Execute(&b, Of(Service{Name: hello})); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), `<main><figure class="dg">`) {
		t.Errorf("%s", b.String())
	}
}
