package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
)

// NoLoadBalancer: nothing that IAP could guard is before the service yet.
const NoLoadBalancer Code = "NO_LOAD_BALANCER"

// FunctionLoadBalancer: a load balancer of Cloud Functions may lead to the service.
const FunctionLoadBalancer Code = "FUNCTION_LOAD_BALANCER"

// noFrontend: a backend service is there, but no address leads to it yet.
const noFrontend Code = "NO_FRONTEND"

// noHTTPSFrontend: IAP needs at least one HTTPS frontend.
// Source: iap/docs/enabling-cloud-run, "Turning on IAP".
const noHTTPSFrontend Code = "NO_HTTPS_FRONTEND"

// FrontendUnknown: what leads to a backend service could not be read, so
// nobody knows whether IAP would work there.
const FrontendUnknown Code = "FRONTEND_UNKNOWN"

var _ = register(positionLoadBalancer, loadBalancer, NoLoadBalancer, FunctionLoadBalancer)

func loadBalancer(p posture.Posture, want policy.Wanted) []Finding {
	if len(p.Backends) > 0 || policy.Direct(p, want) {
		return nil
	}
	meanwhile := closings()
	if want.WithoutLoadBalancer == policy.WithoutClose {
		meanwhile = nil
	}
	if functions := door.FunctionBackends(p); len(functions) > 0 {
		return []Finding{{
			Code: FunctionLoadBalancer, Severity: Medium, Disposition: Waits, Resource: functions[0].Resource(),
			Stops: meanwhile,
			Why: "a load balancer leads to it as a Cloud Function, and whether such ones lead to functions of the second " +
				"generation is not documented, so that what its visitors meet is not known",
			Remedy: "let the load balancer name the Cloud Run service: replace its serverless NEG by one with cloudRun",
		}}
	}
	return []Finding{{
		Code: NoLoadBalancer, Severity: Medium, Disposition: Waits, Resource: p.Target.Name(), Stops: meanwhile,
		Why: "no load balancer's backend service leads to the service, so there is nothing on which IAP could be " +
			"turned on",
		Remedy: "put the service behind an HTTPS load balancer (serverless NEG, backend service, URL map, HTTPS proxy); " +
			"iapguard goes on by itself",
	}}
}

var _ = register(positionLoadBalancer, frontends, noHTTPSFrontend, noFrontend, FrontendUnknown)

// frontends judges backends that are reached by something. A backend service
// without any frontend is not a door yet; only when there is no other does the
// whole service wait for it.
func frontends(p posture.Posture, want policy.Wanted) []Finding {
	if policy.Direct(p, want) || len(p.Backends) == 0 {
		return nil
	}
	var findings []Finding
	reached := 0
	closings := closings()
	if slices.ContainsFunc(p.Backends, hasHTTPS) {
		closings = nil // there is a way in
	}
	for _, backend := range p.Backends {
		if len(backend.Frontends) == 0 {
			continue
		}
		if reached++; backend.Exempt != "" {
			continue
		}
		switch unread := unread(backend); {
		case hasHTTPS(backend) || unread != "" && backend.IAPOn:
		case unread != "":
			findings = append(findings, Finding{
				Code: FrontendUnknown, Severity: Medium, Disposition: Waits, Resource: backend.Resource(),
				Stops:  append(iapAt(p, backend), closings...),
				Why:    "whether it has an HTTPS frontend is not known: " + unread,
				Remedy: "let iapguard's service account read the load balancers of that project (the custom role of deploy/roles)",
			})
		default:
			findings = append(findings, Finding{
				Code: noHTTPSFrontend, Severity: High, Disposition: Blocks, Resource: backend.Resource(),
				Stops:  append(iapAt(p, backend), closings...),
				Why:    "the load balancer takes requests over plain HTTP only, and IAP needs an HTTPS frontend",
				Remedy: "add a target HTTPS proxy with a certificate and a forwarding rule on port 443",
			})
		}
	}
	if reached == 0 {
		backend := p.Backends[0]
		findings = append(findings, Finding{
			Code: noFrontend, Severity: Medium, Disposition: Waits, Resource: backend.Resource(), Stops: closings,
			Why:    "no forwarding rule leads to the backend service yet",
			Remedy: "add a URL map, a target HTTPS proxy and a forwarding rule; iapguard goes on by itself",
		})
	}
	return findings
}

func hasHTTPS(b posture.Backend) bool {
	for _, frontend := range b.Frontends {
		if frontend.HTTPS {
			return true
		}
	}
	return false
}

// unread is why a frontend of the backend could not be read, "" when all were.
func unread(b posture.Backend) string {
	for _, frontend := range b.Frontends {
		if frontend.Unread != "" {
			return frontend.Unread
		}
	}
	return ""
}
