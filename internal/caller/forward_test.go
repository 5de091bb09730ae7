package caller

import (
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

func TestRunAppHostsAreFoundInValuesAndNothingElseIsKept(t *testing.T) {
	got := posture.RunAppHosts([]string{
		"https://api-abc-uc.a.run.app/v1?key=s3cret", "postgres://u:p@db.example.com/x", "", "api-abc-uc.a.run.app",
		`{"a":"https://V2---Cart-123456789012.europe-west1.run.app","b":"https://x.run.app.evil.example"}`,
		".run.app", "run.app",
		strings.Repeat("a", 300) + ".run.app",
	})
	want := []string{"api-abc-uc.a.run.app", "v2---cart-123456789012.europe-west1.run.app"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestForwardAdviceIsGivenOnlyBehindIAP(t *testing.T) {
	off := func(p *posture.Posture) { p.Backends[0].IAPOn = false }
	for _, tc := range []struct {
		name    string
		change  func(*posture.Posture)
		changes []ChangeTo
		want    string // a part of it; "" = no advice
	}{
		{"IAP is on", func(*posture.Posture) {}, nil, "(api-abc-uc.a.run.app)"},
		{"IAP is on at the service", func(p *posture.Posture) { posturetest.DirectIAP(p, nil) }, nil,
			"X-Serverless-Authorization"},
		{"IAP goes on", off, []ChangeTo{iapChange}, "X-Serverless-Authorization"},
		{"IAP goes on at the service", off, []ChangeTo{directChange}, "X-Serverless-Authorization"},
		{"no IAP", off, []ChangeTo{ingressChange, invokerChange}, ""},
		{"it calls nobody", func(p *posture.Posture) { p.Service.Calls = nil }, nil, ""},
		{"it names itself", func(p *posture.Posture) {
			p.Service.TagURLs = []string{"https://v1---hello-abc-uc.a.run.app"}
			p.Service.Calls = []string{"hello-abc-uc.a.run.app", "hello-123456789012.us-central1.run.app",
				"v1---hello-abc-uc.a.run.app"}
		}, nil, ""},
		{"it calls many", func(p *posture.Posture) {
			p.Service.Calls = []string{"a.run.app", "b.run.app", "c.run.app", "d.run.app", "e.run.app", "f.run.app"}
		}, nil, "e.run.app and others)"},
	} {
		p := posturetest.Protected()
		p.Service.Calls = []string{"api-abc-uc.a.run.app"}
		tc.change(&p)
		if got := ForwardAdvice(p, tc.changes); !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("%s: %q, want something with %q", tc.name, got, tc.want)
		}
	}
}
