package iap

import (
	"testing"

	iap "google.golang.org/api/iap/v1"
)

func TestPreflightsPassWhereAnySettingLetsThem(t *testing.T) {
	cors := func(pass bool) Settings {
		return Settings{&iap.AccessSettings{CorsSettings: &iap.CorsSettings{AllowHttpOptions: pass}}}
	}
	for _, tc := range []struct {
		name         string
		nearestFirst []Settings
		want         bool
	}{
		{"nothing is set", []Settings{{}, {&iap.AccessSettings{}}}, false},
		{"at the resource", []Settings{cors(true), {}}, true},
		{"above it", []Settings{{}, cors(true)}, true},
		{"above an empty object, which looks like false", []Settings{cors(false), cors(true)}, true},
		{"nowhere", []Settings{cors(false), cors(false)}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Merged(tc.nearestFirst).AllowOptions; got != tc.want {
				t.Errorf("preflights pass: %t, want %t", got, tc.want)
			}
		})
	}
}
