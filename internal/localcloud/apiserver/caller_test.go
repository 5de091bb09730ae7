package apiserver

import (
	"net/http/httptest"
	"slices"
	"testing"
)

func TestTheTokenNamesTheCaller(t *testing.T) {
	for header, want := range map[string]Principal{
		"":                                Owner,
		"Bearer anything":                 Owner,
		"Bearer user:":                    Owner,
		"Bearer group:g@example.com":      Owner,
		"Bearer user:not an address":      Owner,
		"Basic user:alice@example.com":    Owner,
		"Bearer user:alice@example.com":   "user:alice@example.com",
		"bearer  user:alice@example.com ": "user:alice@example.com",
		"Bearer serviceAccount:a@p.iam.gserviceaccount.com": "serviceAccount:a@p.iam.gserviceaccount.com",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		if got, delegation := caller(r); got != want || delegation != nil {
			t.Errorf("%q is %q, want %q", header, got, want)
		}
	}
}

func TestImpersonatedTokenNamesAccountAndCaller(t *testing.T) {
	first := &Call{Caller: "user:alice@example.com"}
	second := &Call{Caller: "serviceAccount:a@p.iam.gserviceaccount.com", Delegation: []Principal{first.Caller}}
	for _, tc := range []struct {
		token      string
		want       Principal
		delegation []Principal
	}{
		{first.LentToken("a@p.iam.gserviceaccount.com"), second.Caller, []Principal{first.Caller}},
		{second.LentToken("b@p.iam.gserviceaccount.com"), "serviceAccount:b@p.iam.gserviceaccount.com",
			[]Principal{first.Caller, second.Caller}},
		{"serviceAccount:a@p.iam.gserviceaccount.com;by=anybody", Owner, nil},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+tc.token)
		if got, delegation := caller(r); got != tc.want || !slices.Equal(delegation, tc.delegation) {
			t.Errorf("%q is %q by %q, want %q by %q", tc.token, got, delegation, tc.want, tc.delegation)
		}
	}
}

func TestTheHostNamesTheRegion(t *testing.T) {
	for host, want := range map[string]string{
		"us-central1-run.googleapis.com":             "us-central1",
		"europe-west12-run.googleapis.com:443":       "europe-west12",
		"us-central1-127.0.0.1:9090":                 "us-central1",
		"us-central1-localhost:9090":                 "us-central1",
		"run.us-central1.rep.googleapis.com":         "us-central1",
		"northamerica-northeast1-run.googleapis.com": "northamerica-northeast1",
		"run.googleapis.com":                         "",
		"127.0.0.1:9090":                             "",
		"us-central1-run.example.com":                "",
	} {
		if got := regionOf(host); got != want {
			t.Errorf("regionOf(%q) = %q, want %q", host, got, want)
		}
	}
}
