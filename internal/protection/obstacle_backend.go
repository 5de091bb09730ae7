package protection

import (
	"fmt"
	"slices"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// cdnEnabled: Cloud CDN would answer from its cache without asking IAP.
// Source: iap/docs/enabling-cloud-run, "IAP is incompatible with Cloud CDN".
const cdnEnabled Code = "CDN_ENABLED"

// backendNotCapable: the backend service's kind of load balancer has no IAP.
const backendNotCapable Code = "BACKEND_NOT_CAPABLE"

// HTTP2Classic: IAP at a classic load balancer fails for an HTTP/2 service.
// Source: an older revision of iap/docs/enabling-cloud-run; that of 2026 no
// longer says so (unverified since).
const HTTP2Classic Code = "HTTP_TWO_CLASSIC"

// IAP works with application load balancers only. The scheme EXTERNAL is
// shared with proxy network load balancers, so the protocol counts too.
// Source: the iap field in compute's discovery document, and IAP's concepts.
var (
	capableSchemes   = []string{"EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL_MANAGED"}
	capableProtocols = []string{"HTTP", "HTTPS", "HTTP2", "H2C"}
)

var _ = register(positionObstacle, capableBackends, backendNotCapable, cdnEnabled, HTTP2Classic)

func capableBackends(p posture.Posture, want policy.Wanted) []Finding {
	var findings []Finding
	for _, backend := range p.Backends {
		if backend.Guarded() || backend.Exempt != "" || policy.Direct(p, want) || len(backend.Frontends) == 0 {
			continue // what is on already works, and nobody comes in where nothing leads
		}
		if !slices.Contains(capableSchemes, backend.Scheme) || !slices.Contains(capableProtocols, backend.Protocol) {
			findings = append(findings, Finding{
				Code: backendNotCapable, Severity: High, Disposition: Blocks, Resource: backend.Resource(), Stops: iapAt(p, backend),
				Why: fmt.Sprintf("a backend service with scheme %s and protocol %s has no IAP", backend.Scheme, backend.Protocol),
				Remedy: "use an application load balancer; in Terraform, at the google_compute_backend_service named " +
					backend.Name +
					`: load_balancing_scheme = "EXTERNAL_MANAGED" (or "INTERNAL_MANAGED") and protocol = "HTTPS"`,
			})
		}
		if p.Service.HTTP2 && backend.Scheme == "EXTERNAL" {
			findings = append(findings, Finding{
				Code: HTTP2Classic, Severity: High, Disposition: Blocks, Resource: backend.Resource(), Stops: iapAt(p, backend),
				Why: "the service takes HTTP/2 end to end, and behind a classic load balancer with IAP its requests are " +
					"redirected for ever",
				Remedy: command.DisableHTTP2(p.Target).String() + ", or migrate the load balancer to EXTERNAL_MANAGED",
			})
		}
		if backend.CDNOn {
			findings = append(findings, Finding{
				Code: cdnEnabled, Severity: High, Disposition: Blocks, Resource: backend.Resource(), Stops: iapAt(p, backend),
				Why:    "Cloud CDN is on, and IAP is incompatible with it",
				Remedy: command.DisableCDN(backend).String(),
			})
		}
	}
	return findings
}
