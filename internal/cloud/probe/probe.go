// Package probe asks at doors over the network, as a stranger with a browser
// would. Doors come from resources, and the author of a resource may write
// anything into it. So a probe connects to public addresses only, follows no
// redirect, and trusts nothing that comes back.
package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/timeout"
)

const (
	// patience bounds one request, from looking the host up to its answer.
	patience = 5 * time.Second
	// mostBody and mostHeader bound what is read of an answer.
	mostBody   = 4 << 10
	mostHeader = 32 << 10
)

// Prober asks at doors.
type Prober struct {
	clock     clockwork.Clock
	userAgent string
	// local is the port at which a local cloud's doors are; "" = the internet's.
	local string
	// unasked is why no request is made at all; "" = requests are made.
	unasked string
	lookUp  func(ctx context.Context, host string) ([]netip.Addr, error) // nil = DNS
}

// New returns a prober for where the APIs are: with a local cloud only its own doors
// are asked, since the names in it belong to strangers on the internet. Time-outs
// follow the clock.
func New(config connect.Config, clock clockwork.Clock) *Prober {
	p := &Prober{clock: clock, userAgent: config.UserAgent, local: config.DoorsAddress}
	if p.local == "" && config.Local() {
		p.unasked = "it is not asked, since the APIs are those of a local cloud"
	}
	return p
}

// Probe makes all requests at once, and returns the answers in their order.
func (p *Prober) Probe(ctx context.Context, probes []door.ProbeRequest) []door.Answer {
	answers := make([]door.Answer, len(probes))
	var group sync.WaitGroup
	for i, probe := range probes {
		group.Go(func() {
			answers[i] = p.ask(ctx, probe)
			answers[i].To = probe
		})
	}
	group.Wait()
	return answers
}

func (p *Prober) ask(ctx context.Context, probe door.ProbeRequest) door.Answer {
	if p.unasked != "" {
		return door.Answer{Problem: p.unasked}
	}
	ctx, cancel := timeout.With(ctx, p.clock, patience, "the door")
	defer cancel()
	request, err := p.request(ctx, probe)
	if err != nil {
		return door.Answer{Problem: describe(err)}
	}
	transport := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return p.connect(ctx, probe) },
		TLSClientConfig:        tlsConfig(probe),
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: mostHeader,
		// No proxy: what is connected to is decided here alone.
	}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request) // redirects are answers
	if err != nil {
		return door.Answer{Problem: describe(timeout.Explain(ctx, err))}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, mostBody)) // a beginning says enough
	return door.Answer{
		Status: response.StatusCode, Location: response.Header.Get("Location"), Body: string(body),
		FromIAP: strings.EqualFold(response.Header.Get("X-Goog-IAP-Generated-Response"), "true"),
	}
}

// request is what a browser asks for: IAP sends only those who accept a page to
// sign in.
func (p *Prober) request(ctx context.Context, probe door.ProbeRequest) (*http.Request, error) {
	scheme := probe.Scheme
	if p.local != "" {
		scheme = "http" // the local cloud's port speaks nothing else
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+probe.Host+probe.Path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml")
	request.Header.Set("User-Agent", p.userAgent)
	if p.local != "" {
		request.Header.Set("X-Forwarded-Proto", probe.Scheme)
	}
	return request, nil
}

// tlsConfig requires a certificate of the host. A door without a host name is an IP
// address: then no name can be checked, and the probe only finds out whether somebody
// answers.
func tlsConfig(probe door.ProbeRequest) *tls.Config {
	_, err := netip.ParseAddr(strings.Trim(probe.Host, "[]"))
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: err == nil} //nolint:gosec // see above
}

// connect goes to the door's own address, or to one that its host has. The
// address that was checked is the one that is used.
func (p *Prober) connect(ctx context.Context, probe door.ProbeRequest) (net.Conn, error) {
	var dialer net.Dialer
	if p.local != "" {
		return dialer.DialContext(ctx, "tcp", p.local)
	}
	address, err := p.address(ctx, probe)
	if err != nil {
		return nil, err
	}
	port := "443"
	if probe.Scheme == "http" {
		port = "80"
	}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(address.String(), port))
}

func (p *Prober) address(ctx context.Context, probe door.ProbeRequest) (netip.Addr, error) {
	if probe.IP != "" {
		address, err := netip.ParseAddr(probe.IP)
		if err != nil {
			return address, fmt.Errorf("%q is not an IP address", probe.IP)
		}
		if !public(address) {
			return address, fmt.Errorf("%s is not a public address, and is not asked", address)
		}
		return address, nil
	}
	lookUp := p.lookUp
	if lookUp == nil {
		lookUp = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := lookUp(ctx, probe.Host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, address := range found {
		if address = address.Unmap(); !public(address) {
			return address, fmt.Errorf("%s has the address %s, which is not public, and is not asked", probe.Host, address)
		}
	}
	if len(found) == 0 {
		return netip.Addr{}, errors.New("the host has no address")
	}
	return found[0].Unmap(), nil
}

// reserved are the ranges beyond the private, loopback and link-local ones (which
// hold every cloud's metadata server) that lead to no stranger's machine: shared
// and benchmarking space, protocol assignments, and the prefixes behind which an
// IPv4 address hides. Source: the IANA special-purpose address registries.
var reserved = func() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16", "5f00::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}()

// public reports whether an address can be asked.
func public(address netip.Addr) bool {
	address = address.Unmap()
	if !address.IsGlobalUnicast() || address.IsPrivate() || address.Zone() != "" {
		return false
	}
	for _, prefix := range reserved {
		if prefix.Contains(address) {
			return false
		}
	}
	return true
}

// describe returns an error as one short line.
func describe(err error) string {
	var wrong *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("none within %s", patience)
	case errors.As(err, &wrong):
		return "its certificate is not the host's: " + line(wrong.Err)
	}
	return line(err)
}

func line(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Sprintf("%.160s", text)
}
