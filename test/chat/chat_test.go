package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

// The bounds of Pub/Sub's transforms and of Chat's messages.
const (
	mostCode = 20_000
	mostText = 4096
)

var module = filepath.Join("..", "..", "deploy", "terraform", "modules", "chat")

// transform is the function that Pub/Sub calls, as Terraform gives it to the subscription, in an
// engine that has what ECMAScript has and nothing more.
type transform func(data string) (body map[string]any, attributes map[string]string, dropped bool)

func shipped(t *testing.T, outcomes ...any) transform {
	t.Helper()
	variables := map[string]any{
		"project_id":   "my-guard",
		"topics":       map[string]any{"reports": "projects/my-guard/topics/r", "dead-letters": "projects/my-guard/topics/d"},
		"pubsub_agent": "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
		"webhook":      "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=K&token=T",
	}
	if len(outcomes) > 0 {
		variables["outcomes"] = outcomes
	}
	loaded, err := blueprint.Load(module, blueprint.Options{Variables: variables})
	if err != nil {
		t.Fatal(err)
	}
	made, err := loaded.Resources("google_pubsub_subscription")
	if err != nil || len(made) != 1 {
		t.Fatalf("%d subscriptions: %v", len(made), err)
	}
	code := made[0].Text("message_transforms", "javascript_udf", "code")
	if code == "" || len(code) > mostCode {
		t.Fatalf("the function has %d bytes, of %d", len(code), mostCode)
	}
	engine := goja.New()
	if _, err := engine.RunScript("chat.js", code); err != nil {
		t.Fatal(err)
	}
	call, ok := goja.AssertFunction(engine.Get(made[0].Text("message_transforms", "javascript_udf", "function_name")))
	if !ok {
		t.Fatal("there is no such function")
	}
	return func(data string) (body map[string]any, attributes map[string]string, dropped bool) {
		t.Helper()
		answer, err := call(goja.Undefined(), engine.ToValue(map[string]any{"data": data,
			"attributes": map[string]string{"ce-type": "x", "foreign": "\r\nX-Evil: 1"}}), engine.ToValue(map[string]any{}))
		if err != nil {
			t.Fatalf("it threw %v on %s", err, data)
		}
		if goja.IsNull(answer) {
			return nil, nil, true
		}
		var message struct {
			Data       string            `json:"data"`
			Attributes map[string]string `json:"attributes"`
		}
		if err := engine.ExportTo(answer, &message); err != nil {
			t.Fatal(err)
		}
		made, _ := answer.Export().(map[string]any)
		text, _ := made["data"].(string)
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatalf("the body %q: %v", text, err)
		}
		for name, value := range made["attributes"].(map[string]any) {
			if attributes == nil {
				attributes = map[string]string{}
			}
			attributes[name], _ = value.(string)
		}
		return body, attributes, false
	}
}

// every is a report of each outcome that the schema knows.
func every(t *testing.T) map[string]report.Report {
	t.Helper()
	at := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	since, until := at.Add(-12*time.Minute), at.Add(time.Hour)
	shop := &report.Target{Project: "shop-prod", Location: "us-central1", Service: "shop",
		Labels: map[string]string{"team": "store"}}
	step := func(op string, result report.Result) report.Step {
		return report.Step{Op: op, Resource: "projects/shop-prod/locations/us-central1/services/shop", Why: "it is open",
			Result: result}
	}
	of := func(outcome report.Outcome, change func(*report.Report)) report.Report {
		r := report.Report{RunID: "run-1", ObservedAt: at, Version: "0.1.0", Target: shop, Outcome: outcome,
			Mode: policy.Enforce, Policy: &report.Policy{Digest: "0123456789ab", Rule: "shops"}, Exposed: door.No,
			Cause: report.Cause{Kind: "run-service-changed", Key: "k", Principal: "alice@example.com"}}
		change(&r)
		return r
	}
	open := func(r *report.Report) {
		r.Exposed, r.ExposedSince, r.ClosesAt = door.Yes, &since, &until
		r.Findings = []report.Finding{{Code: "PUBLIC_INVOKER", Severity: "high", Resource: "x", Why: "allUsers may invoke"},
			{Code: "INGRESS_OPEN", Severity: "high", Resource: "x", Why: "all"}}
	}
	waits := func(what string, until *time.Time) *report.WaitingFor {
		return &report.WaitingFor{What: what, Until: until}
	}
	reports := map[string]report.Report{}
	for _, r := range []report.Report{
		of(report.Compliant, func(*report.Report) {}),
		of(report.Started, func(r *report.Report) {
			open(r)
			r.Steps = []report.Step{step("revoke-public", report.StepPlanned), step("restrict-ingress", report.StepPlanned)}
		}),
		of(report.Protected, func(r *report.Report) {
			r.ExposedSince, r.ExposedUntil = &since, &at
			r.Steps = []report.Step{step("revoke-public", report.StepDone), step("restrict-ingress", report.StepDone)}
		}),
		of(report.Planned, func(r *report.Report) {
			open(r)
			r.Mode, r.PlanID = policy.ReportOnly, "0123456789abcdef"
			r.Steps = []report.Step{step("enable-iap", report.StepPlanned)}
		}),
		of(report.Redeployed, func(r *report.Report) { r.Verdict, r.Why = "STUCK_GRANT", "the grant is older than an hour" }),
		of(report.Exempt, func(r *report.Report) {
			open(r)
			r.ClosesAt = nil
			r.Exemption = &report.Exemption{Owner: "bob@example.com", Ticket: "SEC-7", Reason: "a public API", Expires: until}
		}),
		of(report.Held, func(r *report.Report) { open(r); r.WaitingFor = waits("load test, by alice@example.com", &until) }),
		of(report.Waiting, func(r *report.Report) { r.Exposed = door.Unknown; r.WaitingFor = waits("a load balancer", nil) }),
		of(report.Deferred, func(r *report.Report) { r.WaitingFor = waits("the service is still being deployed", &until) }),
		of(report.Contested, func(r *report.Report) {
			open(r)
			r.Contest = &report.Contest{Rounds: 3, Field: "ingress", Fix: "ingress = …",
				Actors: []report.Actor{{Principal: "tf@shop-prod.iam.gserviceaccount.com"}}}
		}),
		of(report.Blocked, func(r *report.Report) { open(r); r.Advice = []string{"turn the CDN off", "then look again"} }),
		of(report.Failed, func(r *report.Report) { r.Advice = []string{"Cloud Run answered 503"} }),
		of(report.Rejected, func(r *report.Report) {
			r.Target, r.Mode, r.Policy, r.Exposed, r.Cause.Principal = nil, "", nil, "", ""
			r.Advice = []string{"a message of 12 bytes is not JSON"}
		}),
		of(report.Uncovered, func(r *report.Report) { open(r); r.ClosesAt = nil }),
	} {
		reports[string(r.Outcome)] = r
	}
	return reports
}

func published(t *testing.T, r report.Report) string {
	t.Helper()
	data, err := r.Data()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func names[V any](all map[string]V) (list []any) {
	for name := range all {
		list = append(list, name)
	}
	return list
}

func TestEachOutcomeHasItsText(t *testing.T) {
	reports := every(t)
	call, schema := shipped(t, names(reports)...), compiled(t)
	var got strings.Builder
	for _, name := range outcomes(t) {
		r, has := reports[name]
		if !has {
			t.Errorf("there is no report %s here, and so no text of it", name)
			continue
		}
		data := published(t, r)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
		if err != nil || schema.Validate(value) != nil {
			t.Errorf("%s is not a report: %v, %v", name, err, schema.Validate(value))
		}
		body, attributes, _ := call(data)
		if diff := cmp.Diff(map[string]string{"Content-Type": "application/json; charset=UTF-8"}, attributes); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", name, diff)
		}
		text, _ := body["text"].(string)
		if len(body) != 1 || text == "" || strings.Contains(text, "`?`") || strings.Contains(text, "nothing") {
			t.Errorf("%s: the body %v says too little", name, body)
		}
		fmt.Fprintf(&got, "%s\n\n%s\n\n", name, text)
	}
	golden := filepath.Join("testdata", "texts.golden")
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("UPDATE=1 writes %s (-file +function):\n%s", golden, diff)
	}
}

// outcomes are those of the schema.
func outcomes(t *testing.T) (found []string) {
	t.Helper()
	var schema struct {
		Properties struct {
			Outcome struct{ Enum []string }
		}
	}
	if err := json.Unmarshal(report.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	if found = schema.Properties.Outcome.Enum; len(found) < 10 {
		t.Fatalf("the schema has the outcomes %v", found)
	}
	return slices.Sorted(slices.Values(found))
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("report.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// The deployer of a service chooses its labels, and much else of a report.
func TestTextsOfOthersFormatNothing(t *testing.T) {
	reports := every(t)
	call := shipped(t, names(reports)...)
	for _, hostile := range []string{
		"` *bold* <users/all> <https://evil.example|click> ", "a`\n```\nhttps://evil.example", "\u202egnp.exe\u2066\u200b",
		strings.Repeat("<", 3000), strings.Repeat("🙂", 3000), "", "\x00\x1b[31m", "__proto__", "toString",
	} {
		for name, r := range reports {
			data := strings.NewReplacer("alice@example.com", quote(t, hostile), `"store"`, `"`+quote(t, hostile)+`"`,
				"turn the CDN off", quote(t, hostile), "a public API", quote(t, hostile), "a load balancer", quote(t, hostile),
				`"ingress"`, `"`+quote(t, hostile)+`"`, "shop-prod", quote(t, hostile)).Replace(published(t, r))
			body, _, _ := call(data)
			text, _ := body["text"].(string)
			if text == "" || utf8.RuneCountInString(text) > mostText || !utf8.ValidString(text) {
				t.Errorf("%s with %.20q: %d characters", name, hostile, utf8.RuneCountInString(text))
			}
			if strings.ContainsAny(text, "<>\u202e\u2066\u200b\x00\x1b") || strings.Contains(text, "://") {
				t.Errorf("%s with %.20q: a link, a mention or a hidden letter is left in %q", name, hostile, text)
			}
			if plain := outside(text); strings.Contains(plain, "evil") || strings.Contains(plain, "bold") {
				t.Errorf("%s with %.20q: %q is shown as text of ours", name, hostile, plain)
			}
		}
	}
}

// outside is what of a text is not shown as code.
func outside(text string) string {
	var plain strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 0 {
			plain.WriteString(part)
		}
	}
	return plain.String()
}

func quote(t *testing.T, text string) string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted[1 : len(quoted)-1])
}

func TestWhatIsNotAReportThrowsNothing(t *testing.T) {
	call := shipped(t)
	for _, data := range []string{"", "{", "null", "[]", "7", `"text"`, `{}`, `{"outcome":"blocked"}`,
		`{"outcome":"blocked","target":7,"advice":{},"steps":"x","findings":[null],"exposed":"yes","cause":[]}`,
		`{"outcome":"toString"}`, `{"outcome":"protected","steps":[null,{"result":"done"}],"exposedSince":"x","exposedUntil":"y"}`,
	} {
		if body, _, dropped := call(data); !dropped && body["text"] == "" {
			t.Errorf("%s: the body %v", data, body)
		}
	}
}

func TestOnlyTheOutcomesThatWereAskedForAreSent(t *testing.T) {
	reports := every(t)
	call := shipped(t, "blocked", "waiting")
	for name, r := range reports {
		if _, _, dropped := call(published(t, r)); dropped == (name == "blocked" || name == "waiting") {
			t.Errorf("%s: dropped: %t", name, dropped)
		}
	}
}
