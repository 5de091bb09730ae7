package compute

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// managedLife is how long a Google-managed certificate is valid
// (load-balancing/docs/ssl-certificates/google-managed-certs: 90 days).
const managedLife = 90 * 24 * time.Hour

// settleSSLCertificate completes a certificate. Private keys are dropped and
// never come back.
func settleSSLCertificate(_ *API, r, _ *resource) error {
	if apiserver.Object(r.body, "managed") != nil || r.body["type"] == "MANAGED" {
		return settleManaged(r)
	}
	own := apiserver.Object(r.body, "selfManaged")
	if own == nil {
		own = map[string]any{"certificate": r.body["certificate"], "privateKey": r.body["privateKey"]}
	}
	text := apiserver.Text(own, "certificate")
	if text == "" {
		return required("resource.certificate")
	}
	if apiserver.Text(own, "privateKey") == "" {
		return required("resource.privateKey")
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return unreadable()
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return unreadable()
	}
	delete(r.body, "privateKey")
	r.body["type"], r.body["certificate"] = "SELF_MANAGED", text
	r.body["selfManaged"] = map[string]any{"certificate": text}
	r.body["expireTime"] = pacific(certificate.NotAfter)
	var names []any
	for _, name := range certificate.DNSNames {
		names = append(names, name)
	}
	r.body["subjectAlternativeNames"] = names
	return nil
}

// unreadable is a text that users report for certificates that do not parse.
func unreadable() *apiserver.Error {
	e := apiserver.Invalid("The SSL certificate could not be parsed.")
	e.Reason = "sslCertificateCouldNotParseCert"
	return e
}

// settleManaged makes a Google-managed certificate ACTIVE at once: nobody here
// could point its domains anywhere (unverified; real ones start PROVISIONING). One for a
// domain that never resolves (.invalid, RFC 6761) stays PROVISIONING.
func settleManaged(r *resource) error {
	managed := apiserver.Object(r.body, "managed")
	domains := apiserver.List(managed, "domains")
	if len(domains) == 0 {
		return required("resource.managed.domains")
	}
	status := map[string]any{}
	managed["status"], managed["domainStatus"] = "ACTIVE", status
	for _, domain := range domains {
		status[domain.(string)] = "ACTIVE"
		if strings.HasSuffix(domain.(string), ".invalid") {
			status[domain.(string)], managed["status"] = "FAILED_NOT_VISIBLE", "PROVISIONING"
		}
	}
	r.body["type"] = "MANAGED"
	r.body["subjectAlternativeNames"] = domains
	r.body["expireTime"] = pacific(r.created.Add(managedLife))
	return nil
}
