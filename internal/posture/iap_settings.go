package posture

import (
	"slices"
	"strings"
)

// IAPSettings is what IAP's settings say about who can sign in at one IAP: those of the
// resource, and for what it does not set those of the resources above it.
// Source: iap's discovery document, IapSettings.
type IAPSettings struct {
	// Tenants of Identity Platform sign visitors in, and IAM does not decide who has
	// access. LoginPage is where they do.
	Tenants   []string
	LoginPage string
	// WorkforcePools are those whose members can sign in.
	WorkforcePools []string
	// Domains are the only ones whose accounts are let in, nil = any.
	Domains []string
	// AllowOptions lets OPTIONS requests pass without a sign-in.
	AllowOptions bool
	Unread       string // why something of the project's could not be read; "" = all was
	// UnreadAbove is the same for settings of the folders above the project and of its
	// organization. Whatever they say, the door stays IAP's: see the door package.
	UnreadAbove string
}

// External reports whether Identity Platform signs visitors in.
func (s IAPSettings) External() bool { return len(s.Tenants) > 0 || s.LoginPage != "" }

const workforcePool = "iam.googleapis.com/locations/global/workforcePools/"

// CanSignIn reports whether a member can sign in as the settings are.
func (s IAPSettings) CanSignIn(member string) bool {
	_, name, _ := strings.Cut(member, "://")
	if rest, workforce := strings.CutPrefix(name, workforcePool); workforce {
		pool, _, _ := strings.Cut(rest, "/")
		return slices.ContainsFunc(s.WorkforcePools, func(p string) bool {
			return p == pool || strings.HasSuffix(p, "/workforcePools/"+pool)
		})
	}
	kind, address, _ := strings.Cut(member, ":")
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	if kind == "domain" {
		domain = strings.ToLower(address)
	}
	// Who is in a group is not known, and service accounts bring tokens of their own.
	named := kind == "user" || kind == "domain"
	return s.Domains == nil || !named || slices.Contains(s.Domains, domain)
}

// SignInHosts are the hosts at which an IAP before the service signs external identities in,
// sorted.
func (p Posture) SignInHosts() []string {
	var hosts []string
	for _, part := range p.Parts() {
		settings := []IAPSettings{part.DirectSettings}
		for _, backend := range part.Backends {
			settings = append(settings, backend.Settings)
		}
		for _, one := range settings {
			if host := HostOf(one.LoginPage); host != "" {
				hosts = append(hosts, host)
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
