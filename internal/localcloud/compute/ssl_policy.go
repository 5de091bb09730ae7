package compute

import (
	"slices"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// The cipher suites of profiles: each profile has those of the one before it too
// (load-balancing/docs/ssl-policies-concepts). MODERN and RESTRICTED are recorded.
var (
	fips = []string{
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	}
	restricted = sorted(fips, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")
	modern = sorted(restricted, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
		"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA")
	compatible = sorted(modern, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA",
		"TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA", "TLS_RSA_WITH_AES_256_GCM_SHA384")
)

var profiles = map[string][]string{
	"COMPATIBLE": compatible, "MODERN": modern, "RESTRICTED": restricted, "FIPS_202205": fips,
}

func sorted(some []string, more ...string) []string {
	all := slices.Concat(some, more)
	slices.Sort(all)
	return all
}

// settleSSLPolicy says which features are enabled. The texts are unverified.
func settleSSLPolicy(_ *API, r, _ *resource) error {
	custom, profile := apiserver.List(r.body, "customFeatures"), apiserver.Text(r.body, "profile")
	if profile != "CUSTOM" && len(custom) > 0 {
		return invalidField("resource.customFeatures", "", "Custom features are only allowed with the CUSTOM profile.")
	}
	if profile == "CUSTOM" && len(custom) == 0 {
		return invalidField("resource.customFeatures", "", "The CUSTOM profile needs at least one feature.")
	}
	enabled := profiles[profile]
	for _, each := range custom {
		if !slices.Contains(compatible, each.(string)) {
			return invalidField("resource.customFeatures", each.(string), "It is not an available feature.")
		}
		enabled = sorted(enabled, each.(string))
	}
	r.body["enabledFeatures"] = texts(enabled)
	return nil
}

// listFeatures answers the features that a custom profile may have.
func listFeatures(site, *apiserver.Call) (any, error) {
	return map[string]any{"features": texts(compatible)}, nil
}

func texts(all []string) []any {
	list := make([]any, len(all))
	for i, text := range all {
		list[i] = text
	}
	return list
}
