package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// Afterwards is what to do once the cure was carried out, given how long that may
// take to hold everywhere.
func (d Diagnosis) Afterwards(target posture.Target, propagation time.Duration) []string {
	if d.Verdict == StrangerAtDefaultURL {
		return []string{useLoadBalancer}
	}
	return []string{
		fmt.Sprintf("open the page again; it may take %s until this holds everywhere. If visitors are refused after that: %s",
			policy.InWords(propagation), doctorCommand(target))}
}

const useLoadBalancer = "use the load balancer's address"

// doctorCommand returns the command that diagnoses a service.
func doctorCommand(t posture.Target) string { return "iapguard doctor " + t.Name() }

func redeploy(t posture.Target) string {
	return "make a new revision, equal but for a label: " + command.Redeploy(t).String()
}

// grantAccess lets one visitor through the IAP that refused the request: that of
// the backend services that the address leads to, or where none is known to, of
// all that have IAP on.
func grantAccess(p posture.Posture, host string) string {
	guards := slices.DeleteFunc(slices.Clone(p.Backends), func(b posture.Backend) bool { return !asksIAP(b) })
	asked := slices.DeleteFunc(slices.Clone(guards), func(b posture.Backend) bool { return !leads(b, host) })
	if host != "" && len(asked) > 0 {
		guards = asked
	}
	var grants []string
	for _, backend := range guards {
		if backend.IAPOn {
			grants = append(grants, command.GrantBackendAccess(backend, command.Visitor, posture.Condition{}).String())
		}
		for _, rule := range backend.RulesWithIAP() {
			grants = append(grants,
				command.GrantAccess(rule.AccessResource(rule.IAP.Number), rule.IAP.Project, command.Visitor).String())
		}
	}
	if len(grants) == 0 {
		grants = []string{command.GrantServiceAccess(p.Target, command.Visitor, posture.Condition{}).String()}
	}
	return "if they are to get in: " + strings.Join(grants, "; at the other load balancer: ")
}

// remaining is what can still be wrong when a grant and a new revision are not
// enough, and how to check each. Sources: iap/docs/enabling-cloud-run (allowlist,
// X-Serverless-Authorization), iam/docs/deny-overview, run/docs/troubleshooting.
func remaining(p posture.Posture) []string {
	project, agent := p.Target.Project, posture.AgentEmail(p.ProjectNumber)
	return []string{
		"check whether a deny policy takes the permission away: " + command.ListDenyPolicies(project).String(),
		"check whether " + agent +
			" lacks run.routes.invoke at this service: https://console.cloud.google.com/iam-admin/troubleshooter",
		"check whether an organisation policy restricts who may invoke: " + command.ListConstraints(project).String(),
		"check whether VPC Service Controls refuse the call: " + command.ReadPerimeterRefusals(project).String(),
		"check whether the load balancer belongs to another project, whose IAP agent then is the one that calls: the " +
			"number in " + agent + " is " + project + "'s",
		"check whether the service calls another Cloud Run service with the X-Serverless-Authorization header that it " +
			"received, and passes on that one's 403: it has to remove the header first",
		"check whether the project is on the allowlist of IAP's Preview, where permissions were checked differently: ask " +
			"Cloud Run support, who can take it off",
	}
}

// checked lists what was looked at, for the report.
func (e Evidence) checked(now time.Time) []Checked {
	p := e.Posture
	list := []Checked{{"refused request", e.symptomText()}, {"IAP", e.iapText()},
		{"ingress", cmp.Or(string(p.Service.Ingress), "unknown: no revision is active")}}
	since := ""
	if at := e.changedAt(); !at.IsZero() {
		since = fmt.Sprintf("; the policy was last changed at %s, %s ago", stamp(at), now.Sub(at).Round(time.Second))
	}
	list = append(list,
		Checked{"IAP's agent " + posture.AgentEmail(p.ProjectNumber) + " as invoker", string(e.grant()) + since})
	if _, missing := e.Unread[posture.PartRollout]; !missing {
		list = append(list, e.rolloutText()...)
	}
	if _, missing := e.Unread[posture.PartIAPAPI]; !missing {
		list = append(list, Checked{"IAP's API", map[bool]string{true: "switched off", false: "enabled"}[e.IAPDisabled]})
	}
	if c := e.Counted; c != nil && e.Symptom != nil {
		list = append(list, Checked{"the load balancer's own count", c.text(e.question(now))})
	}
	for _, part := range slices.Sorted(maps.Keys(e.Unread)) {
		list = append(list, Checked{string(part), "unknown: " + e.Unread[part].Why})
	}
	return list
}

func (e Evidence) symptomText() string {
	s := e.Symptom
	if s == nil {
		return "none is known"
	}
	return fmt.Sprintf("%d at %s for %s, in %s request log", s.Status, stamp(s.At), s.URL, owners[s.Log])
}

// owners says in words whose log a refused request was found in.
var owners = map[refusal.Log]string{refusal.CloudRunLog: "Cloud Run's",
	refusal.LoadBalancerLog: "the load balancer's"}

func (e Evidence) iapText() string {
	text := ""
	for _, backend := range e.Posture.Backends {
		state := "off"
		if backend.IAPOn {
			state = "on"
		}
		for _, rule := range backend.RulesWithIAP() {
			text += "asked at " + rule.Resource + "; "
		}
		text += state + " at " + backend.Resource() + "; "
	}
	if text == "" {
		text = "no load balancer leads to the service; "
	}
	if e.Posture.Service.IAPOn {
		return text + "on at the service itself"
	}
	return text + "off at the service itself"
}

func (e Evidence) rolloutText() []Checked {
	serving, traffic := "none is ready", "goes to the latest revision"
	if r := e.Rollout.Serving; r.Name != "" {
		serving = fmt.Sprintf("%s, made at %s by %s", r.Name, stamp(r.CreatedAt), r.Creator)
	}
	if !e.Rollout.OnLatest {
		traffic = "is pinned to a named revision, in part or in whole"
	}
	return []Checked{{"serving revision", serving}, {"traffic", traffic}}
}
