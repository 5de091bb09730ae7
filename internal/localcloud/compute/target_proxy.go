package compute

import "github.com/iapguard/iapguard/internal/localcloud/apiserver"

// The global forms of these two have no "global/" in their path.
var (
	setURLMap          = action{name: "setUrlMap", operation: "SetUrlMap", fields: []string{"urlMap"}, unscoped: true}
	setSSLCertificates = action{
		name: "setSslCertificates", operation: "SetSslCertificates", fields: []string{"sslCertificates"}, unscoped: true,
	}
)

// settleTargetHTTPSProxy: a global proxy has a QUIC setting, a regional one
// must not have it (recorded); a proxy without any certificate is refused
// (the text is unverified).
func settleTargetHTTPSProxy(_ *API, r, _ *resource) error {
	if r.region() != "" && r.body["quicOverride"] != nil {
		return apiserver.Invalid("QUIC override is supported only with global TargetHttpsProxy.")
	}
	if r.region() == "" && r.body["quicOverride"] == nil {
		r.body["quicOverride"] = "NONE"
	}
	for _, field := range []string{"sslCertificates", "certificateManagerCertificates"} {
		if len(apiserver.List(r.body, field)) > 0 {
			return nil
		}
	}
	if apiserver.Text(r.body, "certificateMap") == "" {
		return required("resource.sslCertificates")
	}
	return nil
}
