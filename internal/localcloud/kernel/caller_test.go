package kernel

import (
	"net/http/httptest"
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
		if got := caller(r); got != want {
			t.Errorf("%q is %q, want %q", header, got, want)
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
