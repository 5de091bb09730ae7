package run_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestInstancesAreNamedWhereTheAPIHasThem(t *testing.T) {
	const box = `{"items":[{"metadata":{"name":"box","labels":{"cloud.googleapis.com/location":"us-central1"}}},` +
		`{"metadata":{"name":"far","labels":{"cloud.googleapis.com/location":"europe-west1"}}},{}]`
	at := func(name, location string) posture.Target {
		return posture.Target{Project: "demo-project", Location: location, Service: name, Instance: true}
	}
	all := []posture.Target{at("box", "us-central1"), at("far", "europe-west1")}
	for _, tc := range []struct {
		name, location string
		status         int
		answer         string
		want           []posture.Target
		fault          fault.Kind // "" = no error
	}{
		{"of every region", "", 200, box + "}", all, ""},
		{"of one region", "us-central1", 200, box + "}", all[:1], ""},
		{"a region is unreachable", "", 200, box + `,"unreachable":["asia-east1"]}`, all, fault.Unavailable},
		{"another region is unreachable", "us-central1", 200, box + `,"unreachable":["asia-east1"]}`, all[:1], ""},
		{"the API has no such method", "", 404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", nil, ""},
		{"the method is not implemented", "", 501, `{"error":{"code":501,"status":"UNIMPLEMENTED"}}`, nil, ""},
		{"the project is not found", "", 404, `{"error":{"code":404,"status":"NOT_FOUND"}}`, nil, fault.NotFound},
		{"no permission", "", 403, `{"error":{"code":403,"status":"PERMISSION_DENIED"}}`, nil, fault.Denied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.answer))
			}))
			t.Cleanup(server.Close)
			client, err := run.New(t.Context(), connect.Config{Endpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.Instances(t.Context(), posture.Scope{Project: "demo-project", Location: tc.location})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var kind fault.Kind
			if err != nil {
				kind = fault.Of(err).Kind
			}
			if kind != tc.fault {
				t.Errorf("error %v, want kind %v", err, tc.fault)
			}
		})
	}
}
