package doctor

import (
	"time"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/refusal"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// application leaves what the service's own code refuses to its owners.
func application(e Evidence, _ time.Time) *Diagnosis {
	if e.refusal() != refusal.ByContainer {
		return nil
	}
	return applicationsOwn(e, *e.Symptom)
}

func applicationsOwn(e Evidence, s refusal.Request) *Diagnosis {
	return &Diagnosis{
		Verdict: ApplicationsOwn, Remedy: Leave,
		Why: "the request for " + s.URL + " passed IAP and Cloud Run, and the application itself answered 403",
		Advice: []string{"the answer is the application's to explain; read its log: " +
			command.ReadLog(e.Posture.Target).String()},
	}
}

// stranger recognises who went around IAP. That a door is open is the ordinary
// steps' business; no revision is ever made for it.
func stranger(e Evidence, _ time.Time) *Diagnosis {
	if e.Symptom == nil || !e.Symptom.AtDefaultURL() || e.Posture.Service.IAPOn {
		return nil
	}
	d := Diagnosis{
		Verdict: StrangerAtDefaultURL, Remedy: Protect,
		Why: "somebody without permission asked at the run.app address, which IAP does not guard, and Cloud Run rightly " +
			"refused",
	}
	switch {
	case e.Posture.Service.Ingress != posture.IngressAll:
		d.Advice = []string{useLoadBalancer}
	case e.Settings.KeepIngress:
		d.Advice = []string{
			useLoadBalancer + "; the policy keeps the run.app address reachable: ingress: restrict in its rule " +
				e.Settings.Rule + " would close it"}
	default:
		d.Advice = []string{useLoadBalancer + "; to close the run.app address: iapguard apply " + e.Posture.Target.Name()}
	}
	return &d
}

func twice(e Evidence, _ time.Time) *Diagnosis {
	if !e.Posture.Service.IAPOn {
		return nil
	}
	for _, backend := range e.Posture.Backends {
		if backend.IAPOn {
			return &Diagnosis{
				Verdict: BothIAP, Remedy: Person,
				Why:    "IAP is on at the load balancer and at the Cloud Run service; requests that pass both fail",
				Advice: []string{protection.OneIAP(e.Posture, backend)},
			}
		}
	}
	return nil
}

// off says that IAP guards nothing, or not the door at which it happened.
func off(e Evidence, _ time.Time) *Diagnosis {
	why := ""
	switch guarded, known := false, false; {
	case !e.iapOn() && len(e.Posture.Backends) == 0:
		why = "no load balancer leads to the service and IAP is not on at the service itself: Cloud Run lets only named " +
			"callers in, and browsers name nobody"
	case !e.iapOn():
		why = "IAP is not on, so nobody signs visitors in, and Cloud Run refuses visitors that it does not know"
	case e.notInvoker():
		if guarded, known = e.door(); known && !guarded {
			why = "IAP is not on at the load balancer that the request came through (" + e.Symptom.Host() + ")"
		}
	}
	if why == "" {
		return nil
	}
	return &Diagnosis{Verdict: IAPOff, Remedy: Protect, Why: why,
		Advice: []string{"see what is missing: iapguard plan " + e.Posture.Target.Name()}}
}

func apiDisabled(e Evidence, _ time.Time) *Diagnosis {
	if !e.IAPDisabled {
		return nil
	}
	found := apiOff(e.Posture.Target)
	return &found
}

func apiOff(target posture.Target) Diagnosis {
	return Diagnosis{
		Verdict: IAPAPIDisabled, Remedy: Person, Why: "IAP's API is switched off in the project, so IAP cannot send anybody on",
		Advice: []string{"switch it on: " + command.EnableAPI(iapAPI, target.Project).String()},
	}
}

// oauthClient finds IAP turned on where it can sign nobody in. A refusal by Cloud
// Run shows that the visitor was signed in, by a client in IAP's settings, which are not read.
func oauthClient(e Evidence, _ time.Time) *Diagnosis {
	if !e.Posture.NoOrganization || e.notInvoker() {
		return nil
	}
	for _, backend := range e.Posture.Backends {
		if backend.IAPOn && backend.OAuthClient == "" {
			return &Diagnosis{
				Verdict: NoOAuthClient, Remedy: Person,
				Why: "the project is in no organization and no OAuth client is set at " + backend.Name +
					", so IAP can sign nobody in (visitors get 502)",
				Advice: []string{"set a client: https://cloud.google.com/iap/docs/custom-oauth-configuration"},
			}
		}
	}
	return nil
}

// agentGrant finds whatever keeps IAP's agent from invoking the service.
func agentGrant(e Evidence, _ time.Time) *Diagnosis {
	d := Diagnosis{Remedy: Protect, Advice: []string{"let IAP's agent in: iapguard apply " + e.Posture.Target.Name()}}
	switch e.grant() {
	case grantHolds, grantInherited:
		return nil
	case grantConditional:
		d.Verdict, d.Why = GrantConditional, "IAP sends visitors on as its service agent, which may invoke the service "+
			"only while a condition holds"
	case grantDeleted:
		d.Verdict, d.Why = GrantToDeletedAgent, "the permission to invoke names a deleted account: IAP's service agent "+
			"was made anew and has to be granted again"
	case grantMissing:
		d.Verdict, d.Why = GrantMissing, "IAP sends visitors on as its service agent, which is not allowed to invoke the "+
			"service"
	case grantNowhere:
		d.Verdict, d.Why = AgentNotProvisioned, "IAP's service agent is named nowhere: it may not exist yet, and cannot "+
			"invoke the service"
	}
	return &d
}

// ingress finds a setting that keeps the load balancer out. Visitors get
// 404 then, so a 403 of Cloud Run shows that there is another reason.
func ingress(e Evidence, _ time.Time) *Diagnosis {
	p := e.Posture
	if e.notInvoker() || p.Service.IAPOn {
		return nil
	}
	external := false
	for _, at := range door.Of(p) {
		external = external || at.Kind == door.LoadBalancer
	}
	if p.Service.Ingress != posture.IngressNone && (p.Service.Ingress != posture.IngressInternal || !external) {
		return nil
	}
	return &Diagnosis{
		Verdict: IngressInTheWay, Remedy: Person,
		Why: "the service's ingress is " + string(p.Service.Ingress) +
			", which keeps the load balancer's visitors out (they get 404)",
		Advice: []string{"if they are to get in: " +
			command.SetIngress(p.Target, posture.IngressInternalLoadBalancing).String()},
	}
}
