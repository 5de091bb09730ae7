package certificatemanager

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// managedLife is how long a Google-managed certificate is valid
// (certificate-manager/docs/certificates: 90 days).
const managedLife = 90 * 24 * time.Hour

// certificate checks a certificate and completes it. One that is managed is ACTIVE at
// once: nobody here could point its domains anywhere (unverified; real ones start as
// PROVISIONING).
func (a *api) certificate(w *collection.Write) error {
	if w.New == nil {
		shown := map[string]any{}
		a.usedBy(*w.Old, shown)
		if users := apiserver.List(shown, "usedBy"); users != nil {
			return inUse(w.Old.Name, apiserver.Text(users[0].(map[string]any), "name"))
		}
		return nil
	}
	body := w.New.Body
	own, managed := apiserver.Object(body, "selfManaged"), apiserver.Object(body, "managed")
	switch {
	case (own == nil) == (managed == nil):
		return apiserver.Invalid("The request was invalid: certificate must have exactly one of managed and self_managed")
	case own != nil:
		return readOwn(body, own)
	case w.Old != nil:
		return nil
	}
	domains := apiserver.List(managed, "domains")
	if len(domains) == 0 {
		return apiserver.Invalid("The request was invalid: certificate.managed.domains must not be empty")
	}
	attempts := make([]any, len(domains))
	for i, each := range domains {
		attempts[i] = map[string]any{"domain": each, "state": "AUTHORIZED"}
	}
	managed["state"], managed["authorizationAttemptInfo"] = "ACTIVE", attempts
	body["sanDnsnames"], body["expireTime"] = domains, collection.Time(w.At.Add(managedLife))
	return exist(managed, "dnsAuthorizations", a.authorizations)
}

// readOwn reads a certificate that its owner sent. The key is dropped and never shown.
func readOwn(body, own map[string]any) error {
	text, key := apiserver.Text(own, "pemCertificate"), apiserver.Text(own, "pemPrivateKey")
	if key == "" && text == apiserver.Text(body, "pemCertificate") {
		return nil // a change of something else
	}
	if _, err := tls.X509KeyPair([]byte(text), []byte(key)); err != nil {
		return apiserver.Invalid("The request was invalid: invalid value for certificate.self_managed: %v", err)
	}
	block, _ := pem.Decode([]byte(text)) // X509KeyPair found a certificate
	read, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return apiserver.Invalid("The request was invalid: invalid value for certificate.self_managed.pem_certificate: %v", err)
	}
	names := make([]any, len(read.DNSNames))
	for i, name := range read.DNSNames {
		names[i] = name
	}
	delete(own, "pemPrivateKey")
	body["pemCertificate"], body["sanDnsnames"], body["expireTime"] = text, names, collection.Time(read.NotAfter)
	return nil
}
