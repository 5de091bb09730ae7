package compute

import "github.com/iapguard/iapguard/internal/localcloud/apiserver"

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
