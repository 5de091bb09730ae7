package compute

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// backendServiceDefaults are recorded from an insert of nothing but a name.
var backendServiceDefaults = map[string]any{
	"description": "", "timeoutSec": number("30"), "port": number("80"), "portName": "http", "protocol": "HTTP",
	"sessionAffinity": "NONE", "affinityCookieTtlSec": number("0"), "loadBalancingScheme": "EXTERNAL",
	"connectionDraining": map[string]any{"drainingTimeoutSec": number("0")},
}

func settleBackendService(a *API, r, old *resource) error {
	if r.scope == global && r.body["loadBalancingScheme"] != "INTERNAL_SELF_MANAGED" && r.body["enableCDN"] == nil {
		r.body["enableCDN"] = false
	}
	if r.body["loadBalancingScheme"] == "INTERNAL" {
		passThrough(r.body)
	}
	for i, entry := range apiserver.List(r.body, "backends") {
		if err := a.settleBackend(r, entry.(map[string]any), fmt.Sprintf("resource.backends[%d]", i)); err != nil {
			return err
		}
	}
	if err := settleIAP(r, old); err != nil {
		return err
	}
	return a.checkIAPPermitted(r, old)
}

// checkIAPPermitted refuses to turn IAP on where an organization policy forbids it. What
// is on stays on, and can be changed. Source: iap/docs/org-policies.
func (a *API) checkIAPPermitted(r, old *resource) error {
	constraint := "iap.requireGlobalIapWebDisabled"
	if r.scope != global {
		constraint = "iap.requireRegionalIapWebDisabled"
	}
	on := func(of *resource) bool { return of != nil && apiserver.Object(of.body, "iap")["enabled"] == true }
	if on(r) && !on(old) && a.server.Enforced(r.path(), constraint) {
		return apiserver.Violated(r.project, constraint)
	}
	return nil
}

// passThrough takes what only proxies have from the defaults of an internal
// pass-through load balancer, whose protocol is TCP unless sent (recorded).
func passThrough(body map[string]any) {
	if body["protocol"] == backendServiceDefaults["protocol"] {
		body["protocol"] = "TCP"
	}
	for _, name := range []string{"port", "portName", "affinityCookieTtlSec"} {
		if fmt.Sprint(body[name]) == fmt.Sprint(backendServiceDefaults[name]) {
			delete(body, name)
		}
	}
}

// settleBackend fills one backend and applies the limits of serverless NEGs
// (wire.md 2.3). balancingMode and capacityScaler are what gcloud's describe
// shows of such backends in Google's documentation; not recorded.
func (a *API) settleBackend(r *resource, backend map[string]any, field string) error {
	group := apiserver.Text(backend, "group")
	if group == "" {
		return required(field + ".group")
	}
	for key, value := range map[string]any{"balancingMode": "UTILIZATION", "capacityScaler": number("1")} {
		if backend[key] == nil {
			backend[key] = value
		}
	}
	neg := a.find(strings.TrimPrefix(group, base))
	if neg == nil || neg.body["networkEndpointType"] != "SERVERLESS" {
		return nil
	}
	if r.region() != "" && neg.region() != r.region() {
		return invalidField(field+".group", group, "The network endpoint group must be in the region of the backend service.")
	}
	if len(apiserver.List(r.body, "healthChecks")) > 0 {
		return invalidField("resource.healthChecks", "",
			"A backend service cannot have a healthcheck with Serverless network endpoint group backends.")
	}
	if timeout := fmt.Sprint(r.body["timeoutSec"]); timeout != "30" {
		return invalidField("resource.timeoutSec", timeout,
			"Timeout sec is not supported for a backend service with Serverless network endpoint groups.")
	}
	if value := backend["maxUtilization"]; value != nil {
		return invalidField(field+".maxUtilization", fmt.Sprint(value),
			"Max utilization is not supported for Serverless network endpoint groups.")
	}
	return nil
}

// settleIAP brings the iap block into the form in which it is kept: the client
// secret only as its SHA-256, and what an update leaves out (the client) as it
// was. A backend service that was never sent the block has none. A single
// space as client id is what the API shows while IAP runs on Google's own
// client (wire.md 2.3).
func settleIAP(r, old *resource) error {
	iap := apiserver.Object(r.body, "iap")
	if iap == nil {
		delete(r.body, "iap")
		return nil
	}
	var before map[string]any
	if old != nil {
		before = apiserver.Object(old.body, "iap")
	}
	id, sent := iap["oauth2ClientId"].(string)
	if !sent {
		id = apiserver.Text(before, "oauth2ClientId")
	}
	digest := apiserver.Text(before, "oauth2ClientSecretSha256")
	if secret, ok := iap["oauth2ClientSecret"].(string); ok || digest == "" {
		sum := sha256.Sum256([]byte(secret))
		digest = hex.EncodeToString(sum[:])
	}
	enabled := iap["enabled"] == true
	if enabled && strings.TrimSpace(id) == "" {
		id = " "
	}
	delete(iap, "oauth2ClientSecret")
	iap["enabled"], iap["oauth2ClientId"], iap["oauth2ClientSecretSha256"] = enabled, id, digest
	if !enabled {
		return nil
	}
	return checkIAPPossible(r)
}

// checkIAPPossible refuses IAP where Google does. The texts are unverified.
func checkIAPPossible(r *resource) error {
	if r.body["enableCDN"] == true {
		return invalidField("resource.iap", "true", "IAP and Cloud CDN cannot be enabled at the same time.")
	}
	scheme, protocol := apiserver.Text(r.body, "loadBalancingScheme"), apiserver.Text(r.body, "protocol")
	if !slices.Contains([]string{"EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL_MANAGED"}, scheme) {
		return invalidField("resource.iap", "true", "IAP is not supported for load balancing scheme "+scheme+".")
	}
	if !slices.Contains([]string{"HTTP", "HTTPS", "HTTP2", "H2C"}, protocol) {
		return invalidField("resource.iap", "true", "IAP is not supported for protocol "+protocol+".")
	}
	return nil
}

// viewUsedBy adds usedBy: the URL maps that point here, no proxies (recorded for backend
// services). It is not part of the fingerprint (recorded).
func viewUsedBy(a *API, r *resource, body map[string]any) {
	var usedBy []any
	for _, user := range a.users(r) {
		if user.kind.collection == "urlMaps" {
			usedBy = append(usedBy, map[string]any{"reference": link(user.path())})
		}
	}
	if usedBy != nil {
		body["usedBy"] = usedBy
	}
}
