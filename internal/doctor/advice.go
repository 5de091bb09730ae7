package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// serviceFlags names a service to a gcloud run command.
func serviceFlags(t posture.Target) string {
	return " " + t.Service + " --region=" + t.Location + " --project=" + t.Project
}

// Afterwards is what to do once the cure was carried out, given how long that may
// take to hold everywhere.
func (d Diagnosis) Afterwards(target posture.Target, propagation time.Duration) []string {
	if d.Verdict == StrangerAtDefaultURL {
		return []string{useLoadBalancer}
	}
	return []string{fmt.Sprintf("open the page again; it may take %s until this holds everywhere. If visitors are refused after that: %s", policy.InWords(propagation), again(target))}
}

const useLoadBalancer = "use the load balancer's address"

// again asks for another diagnosis.
func again(t posture.Target) string { return "iapguard doctor " + t.Name() }

// redeploy makes gcloud create a new revision that differs in a label only.
// Source: gcloud run services update labels the revision too.
func redeploy(t posture.Target) string {
	return "make a new revision, equal but for a label: gcloud run services update" + serviceFlags(t) + " --update-labels=redeployed-for=iap"
}

func readLog(t posture.Target) string {
	return `gcloud logging read 'resource.type="cloud_run_revision" resource.labels.service_name="` + t.Service + `"' --project=` + t.Project + " --limit=20"
}

// grantAccess lets one visitor through the IAP that guards the service.
func grantAccess(p posture.Posture) string {
	command := p.Target.AccessCommand()
	if at := slices.IndexFunc(p.Backends, func(b posture.Backend) bool { return b.IAPOn }); at >= 0 {
		command = p.Backends[at].AccessCommand()
	}
	return "if they are to get in: " + command + " --member=user:EMAIL"
}

// remaining is what can still be wrong when a grant and a new revision are not
// enough, and how to check each. Sources: iap/docs/enabling-cloud-run (allowlist,
// X-Serverless-Authorization), iam/docs/deny-overview, run/docs/troubleshooting.
func remaining(p posture.Posture) []string {
	project, agent := p.Target.Project, posture.AgentEmail(p.ProjectNumber)
	return []string{
		"check whether a deny policy takes the permission away: gcloud iam policies list --attachment-point=cloudresourcemanager.googleapis.com/projects/" + project + " --kind=denypolicies",
		"check whether " + agent + " lacks run.routes.invoke at this service: https://console.cloud.google.com/iam-admin/troubleshooter",
		"check whether an organisation policy restricts who may invoke: gcloud org-policies list --project=" + project,
		"check whether VPC Service Controls refuse the call: gcloud logging read 'protoPayload.metadata.\"@type\":VpcServiceControlAuditMetadata' --project=" + project,
		"check whether the load balancer belongs to another project, whose IAP agent then is the one that calls: the number in " + agent + " is " + project + "'s",
		"check whether the service calls another Cloud Run service with the X-Serverless-Authorization header that it received, and passes on that one's 403: it has to remove the header first",
		"check whether the project is on the allowlist of IAP's Preview, where permissions were checked differently: ask Cloud Run support, who can take it off",
	}
}

// checked lists what was looked at, for the report.
func (e Evidence) checked(now time.Time) []Checked {
	p := e.Posture
	list := []Checked{{"refused request", e.symptomText()}, {"IAP", e.iapText()}, {"ingress", cmp.Or(string(p.Service.Ingress), "unknown: no revision is active")}}
	since := ""
	if at := e.changedAt(); !at.IsZero() {
		since = fmt.Sprintf("; the policy was last changed at %s, %s ago", stamp(at), now.Sub(at).Round(time.Second))
	}
	list = append(list, Checked{"IAP's agent " + posture.AgentEmail(p.ProjectNumber) + " as invoker", string(e.grant()) + since})
	if _, missing := e.Unread[posture.PartRollout]; !missing {
		list = append(list, e.rolloutText()...)
	}
	if _, missing := e.Unread[posture.PartIAPAPI]; !missing {
		list = append(list, Checked{"IAP's API", map[bool]string{true: "switched off", false: "enabled"}[e.IAPDisabled]})
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
var owners = map[posture.RequestLog]string{posture.CloudRunLog: "Cloud Run's", posture.LoadBalancerLog: "the load balancer's"}

func (e Evidence) iapText() string {
	text := ""
	for _, backend := range e.Posture.Backends {
		state := "off"
		if backend.IAPOn {
			state = "on"
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
