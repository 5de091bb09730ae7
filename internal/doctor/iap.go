package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// accessor recognises visitors that IAP refused, which is its job. Without its agent IAP
// refuses everybody. The log names nobody, so what exactly refused them is not asserted.
func accessor(e Evidence, _ time.Time) *Diagnosis {
	if e.refusal() != refusal.NotAccessor || e.grant() == grantNowhere {
		return nil
	}
	d := Diagnosis{Verdict: NotAnAccessor, Remedy: Leave}
	settings := e.settings()
	if settings.External() {
		d.Why = "the visitor signed in with Identity Platform, whose users IAP lets in without asking IAM, and was refused " +
			"all the same"
		d.Advice = []string{"sign out and in again at the application's sign-in page; IAP takes the users of the tenants in " +
			"its settings only: " + strings.Join(settings.Tenants, ", ")}
		return &d
	}
	d.Why = "the visitor signed in, and IAP did not let them in: it did what it is for"
	d.Advice = []string{grantAccess(e.Posture, e.Symptom.Host()),
		"where they have access through a group, look whether they are a member of it, since when, and under which address; " +
			"where through a condition, whether it held (an access level, the time, the host or path)"}
	if settings.Domains != nil {
		d.Advice = append(d.Advice, "IAP's settings (accessSettings.allowedDomainsSettings) let in accounts of "+
			strings.Join(settings.Domains, ", ")+" only, whatever the access list says")
	}
	if len(settings.WorkforcePools) > 0 {
		d.Advice = append(d.Advice, "people of a workforce pool sign in with "+strings.Join(settings.WorkforcePools, ", ")+
			" only, and are named by principal:// or principalSet://, not by their e-mail address")
	}
	return &d
}

// iapFailed recognises answers of IAP's own that no visitor can help: 500 and 502 in the
// load balancer's log. The configuration's checks, which come first, name what they see.
// Sources: iap/docs/faq ("multiple_iap_policies", error codes), iap/docs/enabling-cloud-run
// ("service account is not provisioned"); which status goes with which text is reported.
func iapFailed(e Evidence, _ time.Time) *Diagnosis {
	if e.refusal() != refusal.IAPFailed {
		return nil
	}
	if held := e.heldSince(); !held.IsZero() && !e.Symptom.At.After(held) {
		return oldNews(e, fmt.Sprintf("IAP answered %d at %s, before the service's permissions, which hold since %s, were set",
			e.Symptom.Status, stamp(e.Symptom.At), stamp(held)))
	}
	d := Diagnosis{Verdict: IAPFailing, Remedy: Person}
	if e.Symptom.Status == 502 {
		d.Why = "IAP answered 502: it could not sign the visitor in, as happens with an OAuth client that was deleted or " +
			"whose secret is wrong"
		d.Advice = []string{"look whether IAP's OAuth client exists and set its secret again, or let IAP use Google's own: " +
			"https://cloud.google.com/iap/docs/custom-oauth-configuration"}
		return &d
	}
	d.Why = "IAP itself answered 500, and nothing that can be read explains it"
	if e.Symptom.Text == refusal.MultipleIAPs {
		d.Why = "IAP answered 500 because more than one IAP stands in the request's way"
	}
	d.Advice = []string{
		"open the page and read the answer: \"service account is not provisioned\" means that IAP's agent does not exist: " +
			command.CreateAgent(e.Posture.Target.Project).String(),
		"\"multiple_iap_policies\" in the load balancer's log means that IAP is on twice: at the backend service, at the " +
			"service itself, or by an authorization policy of the forwarding rule",
	}
	return &d
}

// notSignedIn recognises requests without credentials that IAP takes: of programs, and of
// pages whose session ended. Anybody can make them, so they justify nothing.
// Sources: iap/docs/authentication-howto, programmatic-oauth-clients, sessions-howto.
func notSignedIn(e Evidence, _ time.Time) *Diagnosis {
	if e.refusal() != refusal.NotSignedIn {
		return nil
	}
	return &Diagnosis{
		Verdict: NotSignedIn, Remedy: Leave,
		Why: "the request brought no credentials that IAP takes: it came from a program, or from a page whose session had " +
			"ended",
		Advice: append(programAdvice(e.Posture, e.Symptom.Host()), "a page that gets 401 after a while: its own requests "+
			"should send X-Requested-With: XMLHttpRequest, and on 401 let the visitor open the session refresher: "+
			"https://cloud.google.com/iap/docs/sessions-howto",
			"a front end of another origin: its preflights (OPTIONS) bring no cookie; accessSettings.corsSettings."+
				"allowHttpOptions in IAP's settings lets them pass"),
	}
}

// programAdvice says how a program gets through the IAP at a host.
func programAdvice(p posture.Posture, host string) []string {
	client := ""
	for _, backend := range p.Backends {
		if backend.IAPOn && backend.OAuthClient != "" && (host == "" || leads(backend, host)) {
			client = backend.OAuthClient
		}
	}
	token := "a program needs an account with access (roles/iap.httpsResourceAccessor) and an identity token of it whose " +
		"audience is IAP's OAuth client"
	if client != "" {
		return []string{token + ", " + client + ownHeader}
	}
	return []string{token + ownHeader,
		"Google's own OAuth client takes no programs: set a client, or allow others " +
			"(accessSettings.oauthSettings.programmaticClients): https://cloud.google.com/iap/docs/authentication-howto"}
}

// ownHeader is where a program puts its tokens.
const ownHeader = "; it goes into Proxy-Authorization where Authorization holds the application's own token, which IAP then " +
	"leaves alone"

// foreignToken recognises clients that bring a bearer token of their own: Cloud Run reads
// it as Google's as soon as the public may not invoke any more.
// Source: run/docs/troubleshooting#401; which clients meet it is reported.
func foreignToken(e Evidence, _ time.Time) *Diagnosis {
	if e.refusal() != refusal.ForeignToken {
		return nil
	}
	return &Diagnosis{
		Verdict: ForeignToken, Remedy: Leave,
		Why: "the client sent a bearer token that is not Google's: while the public might invoke, Cloud Run passed it on to " +
			"the application; now it has to verify it, and cannot",
		Advice: []string{
			"let the client call the load balancer and sign in to IAP there: with a token for IAP in Proxy-Authorization, its " +
				"own token in Authorization reaches the application",
			"or at the run.app address, with an identity token of an account that may invoke in X-Serverless-Authorization: " +
				command.GrantInvoker(e.Posture.Target, "serviceAccount:"+command.Account).String(),
		},
	}
}

// refusal says who refused the request; "" = no refused request is known.
func (e Evidence) refusal() refusal.Kind {
	if e.Symptom == nil {
		return ""
	}
	return e.Symptom.Kind()
}

// settings are those of the IAP that the refused request met, as far as its host shows.
func (e Evidence) settings() posture.IAPSettings {
	host := e.Symptom.Host()
	for _, backend := range e.Posture.Backends {
		if backend.IAPOn && leads(backend, host) {
			return backend.Settings
		}
	}
	return e.Posture.DirectSettings
}
