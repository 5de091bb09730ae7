package probe

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/door"
)

func newProber(config connect.Config) *Prober { return New(config, clockwork.NewRealClock()) }

func TestOnlyPublicAddressesAreAsked(t *testing.T) {
	for text, want := range map[string]bool{
		"34.1.2.3": true, "216.239.32.21": true, "2600:1901::1": true, "2001:4860:4802:32::15": true,
		"127.0.0.1": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false, "198.18.0.1": false,
		"192.0.0.192": false,
		"::1":         false, "::": false, "fe80::1": false, "fd00:ec2::254": false, "ff02::1": false,
		"::ffff:169.254.169.254": false,
		"64:ff9b::a9fe:a9fe":     false, "2002:7f00:1::": false, "fe80::1%eth0": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %t, want %t", text, got, want)
		}
	}
}

func TestADoorThatLeadsInsideIsNotAsked(t *testing.T) {
	var asked int
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer inside.Close()
	addresses := map[string][]netip.Addr{
		"metadata.example.com": {netip.MustParseAddr("169.254.169.254")},
		"mixed.example.com":    {netip.MustParseAddr("34.1.2.3"), netip.MustParseAddr("::ffff:127.0.0.1")},
		"none.example.com":     nil,
	}
	p := newProber(connect.Config{})
	p.lookUp = func(_ context.Context, host string) ([]netip.Addr, error) { return addresses[host], nil }
	for _, tc := range []struct {
		probe door.ProbeRequest
		want  string
	}{
		{
			door.ProbeRequest{Scheme: "http", Host: "metadata.example.com", Path: "/"},
			"has the address 169.254.169.254, which is not public",
		},
		{
			door.ProbeRequest{Scheme: "http", Host: "mixed.example.com", Path: "/"},
			"has the address 127.0.0.1, which is not public",
		},
		{door.ProbeRequest{Scheme: "http", Host: "none.example.com", Path: "/"}, "the host has no address"},
		{
			door.ProbeRequest{Scheme: "http", Host: "shop.example.com", Path: "/", IP: "127.0.0.1"},
			"127.0.0.1 is not a public address",
		},
		{
			door.ProbeRequest{Scheme: "https", Host: "shop.example.com", Path: "/", IP: "10.1.2.3"},
			"10.1.2.3 is not a public address",
		},
		{
			door.ProbeRequest{Scheme: "https", Host: "shop.example.com", Path: "/",
				IP: strings.TrimPrefix(inside.URL, "http://")},
			"is not an IP address",
		},
	} {
		answer := p.Probe(t.Context(), []door.ProbeRequest{tc.probe})[0]
		if !strings.Contains(answer.Problem, tc.want) || answer.Status != 0 {
			t.Errorf("%+v: %+v, want a problem with %q", tc.probe, answer, tc.want)
		}
	}
	if asked > 0 {
		t.Errorf("the server inside was asked %d times", asked)
	}
}

func TestALocalCloudIsAskedAtItsOwnPortAndNothingElse(t *testing.T) {
	var got []string
	doors := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got,
			strings.Join([]string{r.Host, r.URL.Path, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("Authorization"),
				r.UserAgent()}, " "))
		w.Header().Set("Location", "http://"+r.Host+"/elsewhere")
		w.Header().Set("X-Goog-IAP-Generated-Response", "true")
		w.WriteHeader(http.StatusFound)
		_, _ = w.Write([]byte(strings.Repeat("x", 1<<20)))
	}))
	defer doors.Close()
	probes := []door.ProbeRequest{{Scheme: "https", Host: "shop.example.com", Path: "/api/", IP: "203.0.113.7"}}
	p := newProber(connect.Config{Endpoint: "http://127.0.0.1:1", DoorsAddress: strings.TrimPrefix(doors.URL, "http://"),
		UserAgent: "iapguard/1"})
	answer := p.Probe(t.Context(), probes)[0]
	if len(answer.Body) != mostBody {
		t.Errorf("%d bytes of the body were read, want %d", len(answer.Body), mostBody)
	}
	answer.Body = ""
	if diff := cmp.Diff(door.Answer{To: probes[0], Status: 302, FromIAP: true,
		Location: "http://shop.example.com/elsewhere"}, answer); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"shop.example.com /api/ https  iapguard/1"}, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	unasked := newProber(connect.Config{Endpoint: "http://127.0.0.1:1"}).Probe(t.Context(), probes)[0]
	if !strings.Contains(unasked.Problem, "local cloud") {
		t.Errorf("without the local cloud's port: %+v, want nothing to be asked", unasked)
	}
}

func TestACertificateOfAnotherHostIsReported(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	named := &http.Transport{TLSClientConfig: tlsConfig(door.ProbeRequest{Host: "shop.example.com"})}
	unnamed := &http.Transport{TLSClientConfig: tlsConfig(door.ProbeRequest{Host: "203.0.113.7"})}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := named.RoundTrip(request); err == nil ||
		!strings.HasPrefix(describe(err), "its certificate is not the host's: ") {
		t.Errorf("error %v, want one about the certificate", err)
	}
	response, err := unnamed.RoundTrip(request)
	if err != nil {
		t.Fatalf("an address without a name has no certificate of its own: %v", err)
	}
	response.Body.Close()
}

func TestADoorThatHangsIsAskedForPatience(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	doors := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	defer doors.Close()
	defer close(release)
	clock := clockwork.NewFakeClock()
	p := New(connect.Config{Endpoint: "http://127.0.0.1:1", DoorsAddress: strings.TrimPrefix(doors.URL, "http://")},
		clock)
	go func() {
		<-arrived
		clock.Advance(patience)
	}()
	began := time.Now()
	answer := p.Probe(t.Context(), []door.ProbeRequest{{Scheme: "https", Host: "shop.example.com", Path: "/"}})[0]
	if waited := time.Since(began); answer.Problem != "none within 5s" || waited > patience/2 {
		t.Errorf("%+v after %s of the machine's time, want none within 5s, by the fake clock", answer, waited)
	}
}
