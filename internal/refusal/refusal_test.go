package refusal_test

import (
	"testing"

	"github.com/iapguard/iapguard/internal/refusal"
)

func TestARefusedRequestShowsWhoRefused(t *testing.T) {
	const nobody = "The request was not authenticated. Either allow unauthenticated invocations or set the proper " +
		"Authorization header."
	const mayNot = "The request was not authorized to invoke this service. Read more at …"
	const bad = "The request was not authorized to invoke this service. The access token could not be verified."
	const iap = "handled_by_identity_aware_proxy"
	for _, tc := range []struct {
		name   string
		log    refusal.Log
		status int
		text   string
		want   refusal.Kind
	}{
		{"nobody signed in", refusal.CloudRunLog, 403, nobody, refusal.NotInvoker},
		{"somebody who may not", refusal.CloudRunLog, 403, mayNot, refusal.NotInvoker},
		{"the application", refusal.CloudRunLog, 403, "", refusal.ByContainer},
		{"a token that is not Google's", refusal.CloudRunLog, 401, bad, refusal.ForeignToken},
		{"the application's 401", refusal.CloudRunLog, 401, "", refusal.ByContainer},
		{"IAP", refusal.LoadBalancerLog, 403, iap, refusal.NotAccessor},
		{"IAP without credentials", refusal.LoadBalancerLog, 401, iap, refusal.NotSignedIn},
		{"IAP's own error", refusal.LoadBalancerLog, 500, iap, refusal.IAPFailed},
		{"IAP's OAuth client", refusal.LoadBalancerLog, 502, iap, refusal.IAPFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := refusal.Request{Log: tc.log, Status: tc.status, Text: tc.text}
			if got := s.Kind(); got != tc.want {
				t.Errorf("refusal %q, want %q", got, tc.want)
			}
		})
	}
}

func TestALoadBalancersEntrySaysThatIAPAnswered(t *testing.T) {
	for _, tc := range []struct{ name, details, status, want string }{
		{"global", "handled_by_identity_aware_proxy", "", "handled_by_identity_aware_proxy"},
		{"regional", "", `error="http_request_denied"; details="denied_by_cloud_iap"`, "denied_by_cloud_iap"},
		{"the backend", "response_sent_by_backend", "", ""},
		{"a word within another", "", `details="not_denied_by_cloud_iap"`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := refusal.IAPWord(tc.details, tc.status); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
