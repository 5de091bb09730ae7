package doors

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

var update = flag.Bool("update", false, "write testdata/doors.txt anew")

// visitors are the people who visit; the stranger is not signed in.
var visitors = []struct{ name, who string }{{"a stranger", ""}, {"alice", alice}, {"bob", bob}}

// moment is who got what at every door at one time: door, visitor, answer.
type moment struct {
	name  string
	at    time.Time
	doors [][]string // one row a door: what each visitor got
}

const inside = "200 gets in"

// ask visits every door as every visitor.
func (o *fixture) ask(name string) moment {
	m := moment{name: name}
	for _, door := range o.doors() {
		var got []string
		for _, visitor := range visitors {
			got = append(got, verdict(o.visit(visit{host: door.host, path: "/", who: visitor.who})))
		}
		m.doors = append(m.doors, got)
	}
	return m
}

// door is a way in and its name for people.
type door struct{ name, host string }

// doors are the service's addresses. The ones that a frontend has by number
// lead to the URL map's default service (a way in that is often forgotten).
func (o *fixture) doors() []door {
	place := "/compute/v1/projects/" + playground.Project + "/global/forwardingRules/"
	if o.Regional {
		place = "/compute/v1/projects/" + playground.Project + "/regions/" + o.Region + "/forwardingRules/"
	}
	address, _ := o.call("GET", place+o.Service+"-https", nil)["IPAddress"].(string)
	all := []door{{"default URL", o.defaultURL()}, {"frontend, by name", o.Host}, {"frontend, by address", address}}
	mappings := o.call("GET", "/v1/projects/"+playground.Project+"/locations/"+o.Region+"/domainmappings", nil)
	if items, _ := mappings["items"].([]any); len(items) > 0 {
		all = append(all, door{"mapped domain", mappedDomain})
	}
	return all
}

// verdict says in words what an answer means.
func verdict(r reply) string {
	switch fromIAP := r.header.Get(iapHeader) == "true"; {
	case r.status == 200:
		return inside
	case r.status == 302 && fromIAP:
		return "302 sign in"
	case r.status == 403 && fromIAP:
		return "403 by IAP"
	case r.status == 403 && strings.Contains(r.body, "Your client does not have permission"):
		return "403 by Cloud Run"
	case r.status == 404:
		return "404 by ingress"
	}
	return fmt.Sprintf("%d ?", r.status)
}

// protector plans and takes one step after the other, as the loop does.
type protector struct {
	*cloud.Cloud
	target posture.Target
	want   policy.Wanted
	now    func() time.Time
}

func (o *fixture) protector(settings policy.Settings, now func() time.Time) protector {
	o.t.Helper()
	clients, err := cloud.Connect(o.t.Context(), connect.Config{Endpoint: o.URL(), UserAgent: "iapguard/test"}, now)
	if err != nil {
		o.t.Fatal(err)
	}
	want := policy.Wanted{Settings: settings, SettingsOf: func(posture.Target) (policy.Settings, bool) {
		return settings, true
	}}
	return protector{clients, posture.Target{Project: playground.Project, Location: o.Region,
		Service: o.Service}, want, now}
}

// plan is what is left to do.
func (p protector) plan(t *testing.T) plan.Plan {
	t.Helper()
	seen, err := p.Observe(t.Context(), p.target)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Describe(t.Context(), &seen, policy.Asked{Roles: true}); err != nil {
		t.Fatal(err)
	}
	made := protection.Plan(seen, p.want, protection.Assess(seen, p.want), p.now())
	if err := made.Check(seen); err != nil {
		t.Fatal(err)
	}
	return made
}

// take takes the steps of a plan and calls each after every one. A later write
// uses the version that an earlier one returned.
func (p protector) take(t *testing.T, made plan.Plan, each func(plan.Step)) {
	t.Helper()
	versions := map[string]string{}
	for _, step := range made.Steps {
		if version := versions[step.Written()]; version != "" {
			step.Version = version
		}
		version, err := p.Apply(t.Context(), step, "")
		if err != nil {
			t.Fatalf("%s: %v", step.Op(), err)
		}
		versions[step.Written()] = version
		each(step)
	}
}

func enforcing(propagation time.Duration) policy.Settings {
	return policy.Settings{Mode: policy.Enforce, Recipe: policy.RecipeAuto, Access: []string{alice},
		NoneFor: policy.NoneWait, Private: policy.PrivateInclude, Propagation: propagation}
}

// history is a service before, during and after protection.
func (o *fixture) history(t *testing.T) []moment {
	p := o.protector(enforcing(0), time.Now)
	moments := []moment{o.ask("before")}
	p.take(t, p.plan(t), func(step plan.Step) {
		moments = append(moments, o.ask(fmt.Sprintf("%d. after %s", len(moments), step.Op())))
	})
	if left := p.plan(t).Steps; len(left) > 0 {
		t.Errorf("after every step there is still something to do: %v", left)
	}
	return append(moments, o.ask("after"))
}

// opensNothing checks that nobody but alice gets in where they did not before.
func opensNothing(t *testing.T, moments []moment) {
	t.Helper()
	for i, m := range moments[1:] {
		for d, row := range m.doors {
			for v, answer := range row {
				if v != 1 && answer == inside && moments[i].doors[d][v] != inside {
					t.Errorf("%s: %s gets in at door %d, and did not before", m.name, visitors[v].name, d)
				}
			}
		}
	}
}

// lockedOut lists the moments at which alice gets in nowhere, although she did
// before.
func lockedOut(moments []moment) []moment {
	var out []moment
	gotIn := false
	for _, m := range moments {
		in := slices.ContainsFunc(m.doors, func(row []string) bool { return row[1] == inside })
		if gotIn && !in {
			out = append(out, m)
		}
		gotIn = gotIn || in
	}
	return out
}

const mappedDomain = "shop.example.org"

// mapDomain leads a domain to the service past the load balancer.
func mapDomain(o *fixture) {
	o.call("POST", "/v1/projects/"+playground.Project+"/locations/"+o.Region+"/domainmappings", map[string]any{
		"metadata": map[string]any{"name": mappedDomain}, "spec": map[string]any{"routeName": o.Service},
	})
}

// The services of the table, each with what it is before.
var subjects = []struct {
	name    string
	service playground.LoadBalanced
	before  []func(*fixture)
}{
	{"hello: public, behind a global load balancer", global, nil},
	{"billing: public, behind a regional load balancer", regional, nil},
	{"hello: for alice and bob as invokers", global, all(invokers(alice, bob))},
	{"hello: public, with a mapped domain", global, all(mapDomain)},
	{"hello: open to everybody who is signed in, not reachable directly", global,
		all(invokers("allAuthenticatedUsers"), ingress("INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"))},
}

func TestDoorTable(t *testing.T) {
	var text strings.Builder
	for _, subject := range subjects {
		o := build(t, subject.service, playground.Options{})
		for _, do := range subject.before {
			do(o)
		}
		moments := o.history(t)
		opensNothing(t, moments)
		if out := lockedOut(moments); len(out) > 0 {
			t.Errorf("%s: alice is locked out: %v", subject.name, out)
		}
		shut := []string{"404 by ingress", "404 by ingress", "404 by ingress"}
		want := [][]string{shut, {"302 sign in", inside, "403 by IAP"}, {"302 sign in", inside, "403 by IAP"}}
		if len(o.doors()) > len(want) {
			want = append(want, shut) // the mapped domain
		}
		if diff := cmp.Diff(want, moments[len(moments)-1].doors); diff != "" {
			t.Errorf("%s: after protection (-want +got):\n%s", subject.name, diff)
		}
		print(&text, subject.name, o.doors(), moments)
	}
	t.Log("\n" + text.String())
	compare(t, text.String())
}

// print draws the table of one service.
func print(text *strings.Builder, name string, doors []door, moments []moment) {
	fmt.Fprintf(text, "%s\n\n", name)
	table := tabwriter.NewWriter(text, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, "door\twhen")
	for _, visitor := range visitors {
		fmt.Fprint(table, "\t"+visitor.name)
	}
	fmt.Fprintln(table)
	for d, door := range doors {
		for i, m := range moments {
			shown := ""
			if i == 0 {
				shown = door.name
			}
			fmt.Fprintln(table, shown+"\t"+m.name+"\t"+strings.Join(m.doors[d], "\t"))
		}
	}
	table.Flush()
	text.WriteString("\n")
}

// compare holds the table against the golden file.
func compare(t *testing.T, got string) {
	t.Helper()
	path := filepath.Join("testdata", "doors.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf(
			"the table is another than testdata/doors.txt (go test ./test/doors -update writes it) (-want +got):\n%s", diff)
	}
}
