package draft_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/draft"
	"github.com/iapguard/iapguard/internal/policy/schema"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func target(project, location, service string) posture.Target {
	return posture.Target{Project: project, Location: location, Service: service}
}

func members(names ...string) []draft.Accessor {
	var all []draft.Accessor
	for _, name := range names {
		all = append(all, draft.Accessor{Member: name})
	}
	return all
}

// filled parses a draft once its blanks are filled in, and wants nothing else to be missing.
func filled(t *testing.T, text []byte) policy.Policy {
	t.Helper()
	_, err := policy.Parse(text, now)
	for _, problem := range strictyaml.Problems(err) {
		if !strings.HasSuffix(problem.Text, "is left to fill in: write it") {
			t.Errorf("%v in\n%s", problem, text)
		}
	}
	done := strings.NewReplacer("expires: <fill in>", "expires: 2027-03-31", "<fill in>", "x").Replace(string(text))
	parsed, err := policy.Parse([]byte(done), now)
	if err != nil {
		t.Fatalf("%v in\n%s", err, done)
	}
	fitsSchema(t, []byte(done))
	return parsed
}

// fitsSchema has the JSON Schema judge a policy, as editors do that read its first line.
func fitsSchema(t *testing.T, text []byte) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Policy))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("policy.json", document); err != nil {
		t.Fatal(err)
	}
	asJSON, err := strictyaml.JSON(text, 16)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.MustCompile("policy.json").Validate(value); err != nil {
		t.Errorf("the schema refuses it: %v", err)
	}
}

var estate = draft.Estate{
	Scopes: []posture.Scope{{Project: "shop-12345"}, {Project: "shop-12345", Location: "europe-west1"},
		{Project: "lab-12345", Location: "us-central1"}, {Project: "one-12345", Location: "us-central1", Service: "on"}},
	Services: []draft.Service{
		{Target: target("shop-12345", "us-central1", "cart"), Accessors: members("group:b@example.com",
			"user:a@example.com")},
		{Target: target("shop-12345", "us-central1", "pay"), Accessors: members("user:a@example.com",
			"group:b@example.com")},
		{Target: target("shop-12345", "europe-west1", "pay"), Accessors: members("group:b@example.com", "allUsers",
			"domain:example.com",
			"user:a@example.com", "deleted:user:x@example.com?uid=1")},
		{Target: target("shop-12345", "us-central1", "www"), Open: []string{"https://www.example.com",
			"https://a.run.app"}, Team: "web"},
		{Target: target("shop-12345", "us-central1", "blog"), Open: []string{"https://b.run.app"},
			Team: "web\nexemptions: []"},
		{Target: target("lab-12345", "us-central1", "a"), Accessors: []draft.Accessor{{Member: "user:a@example.com",
			Conditional: true}}, More: 7},
		{Target: target("lab-12345", "us-central1", "b"), Accessors: []draft.Accessor{{Member: "user:a@example.com",
			Conditional: true}}, More: 7},
		{Target: target("one-12345", "us-central1", "on"), Unknown: true},
		{Target: posture.Target{Project: "lab-12345", Location: "us-central1", Service: "vm", Instance: true},
			Open: []string{"https://vm"}},
	},
	Gaps: []draft.Gap{{What: "projects/other", Why: "permission denied:\nversion: 2"}, {What: "a", Why: "b"},
		{What: "a", Why: "b"}},
}

func TestEveryServiceGetsWhatItHas(t *testing.T) {
	parsed := filled(t, draft.Policy(estate))
	for name, want := range map[string]string{
		"shop-12345 us-central1 cart":      "group:b@example.com user:a@example.com",
		"shop-12345 us-central1 pay":       "group:b@example.com user:a@example.com",
		"shop-12345 europe-west1 pay":      "group:b@example.com user:a@example.com",
		"shop-12345 europe-west1 cart":     "", // another one than that of us-central1
		"shop-12345 us-central1 www":       "exempt",
		"shop-12345 us-central1 blog":      "exempt",
		"shop-12345 asia-east1 new":        "",
		"lab-12345 us-central1 a":          "",
		"lab-12345 us-central1 new":        "",
		"lab-12345 europe-west1 new":       "not covered",
		"one-12345 us-central1 on":         "",
		"one-12345 us-central1 off":        "not covered",
		"stranger-12345 us-central1 other": "not covered",
	} {
		words := strings.Fields(name)
		settings, covered := parsed.For(policy.Subject{Target: target(words[0], words[1], words[2])})
		got := strings.Join(settings.Access, " ")
		switch {
		case !covered:
			got = "not covered"
		case settings.ExemptAt(now):
			got = strings.TrimSpace(got + " exempt")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if covered && (settings.Mode != policy.ReportOnly || settings.Private != policy.PrivateLeave ||
			settings.WhenStuck.Do == "") {
			t.Errorf("%s: %+v, want one that changes nothing", name, settings)
		}
	}
	parsed.NamesToTake(func(_, why, _ string) { t.Errorf("it has a name to take: %s", why) })
}

func TestWhatAPolicyCannotSayIsAComment(t *testing.T) {
	text := string(draft.Policy(estate))
	for _, want := range []string{
		"\n# Looked at: projects/lab-12345/locations/us-central1\n# Looked at: projects/one-12345/locations/us-central1/services/on\n" +
			"# Looked at: projects/shop-12345\n",
		"\n# Services: 8. Strangers get into 2 of them; of 1 it is not known whether they do.\n",
		"\n#   a: b\n#   projects/other: permission denied:\\nversion: 2\n",
		"\n      # IAP lets in allUsers too: allUsers would let everybody through IAP",
		"\n      # IAP lets in domain:example.com too: domain:example.com lets in everybody of that domain",
		"\n      # IAP lets in user:a@example.com too: under a condition",
		"\n      # IAP lets in 7 more, who are not listed here\n",
		"\n  # label team: web\\nexemptions: []\n",
		"/services/www # https://a.run.app and 1 more\n",
		"\n        - \"on\"\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "instances") || strings.Contains(text, "//vm") {
		t.Errorf("an instance is named, which is never changed:\n%s", text)
	}
}

func TestTheSameFactsInAnotherOrderGiveTheSameText(t *testing.T) {
	other := draft.Estate{}
	for i := range estate.Scopes {
		other.Scopes = append(other.Scopes, estate.Scopes[len(estate.Scopes)-1-i])
	}
	for i := range estate.Services {
		other.Services = append(other.Services, estate.Services[len(estate.Services)-1-i])
	}
	other.Services = append(other.Services, estate.Services[0]) // found twice
	for i := range estate.Gaps {
		other.Gaps = append(other.Gaps, estate.Gaps[len(estate.Gaps)-1-i])
	}
	if diff := cmp.Diff(string(draft.Policy(estate)), string(draft.Policy(other))); diff != "" {
		t.Error(diff)
	}
}

func TestAPolicyOfManyServicesFitsIntoASecret(t *testing.T) {
	large := draft.Estate{}
	for p := range 10 {
		project := fmt.Sprintf("a-project-with-a-long-name-%03d", p)
		large.Scopes = append(large.Scopes, posture.Scope{Project: project})
		for i := range 1000 {
			one := draft.Service{Target: target(project, "northamerica-northeast1",
				fmt.Sprintf("a-service-with-a-very-long-name-%010d", i))}
			switch i % 3 {
			case 0:
				one.Open = []string{"https://a-service-with-a-very-long-name.example.com"}
			case 1:
				one.Accessors = members(fmt.Sprintf("user:somebody-%d@example.com", i%100))
			}
			large.Services = append(large.Services, one)
			large.Gaps = append(large.Gaps, draft.Gap{What: one.Target.Name(), Why: strings.Repeat("it is not readable ",
				100)})
		}
	}
	text := draft.Policy(large)
	if len(text) > 64<<10 {
		t.Errorf("it has %d bytes", len(text))
	}
	filled(t, text)
	for _, want := range []string{"# Strangers get into 3190 more, which are not listed", "#   and 9970 more\n",
		"more services, which have no rule of"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing", want)
		}
	}
}
