package compute

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// newAddress hands out an address of 203.0.113.0/24 (RFC 5737: documentation),
// then of 198.51.100.0/24, so that nothing ever connects to a stranger.
func (a *API) newAddress() string {
	a.addresses++
	block := []string{"203.0.113", "198.51.100"}[(a.addresses-1)/254%2]
	return fmt.Sprintf("%s.%d", block, (a.addresses-1)%254+1)
}

func settleAddress(a *API, r, old *resource) error {
	if apiserver.Text(r.body, "address") != "" {
		return nil
	}
	if r.scope == global && r.body["ipVersion"] == nil {
		r.body["ipVersion"] = "IPV4"
	}
	if old != nil {
		r.body["address"] = old.body["address"]
		return nil
	}
	r.body["address"] = a.newAddress()
	if r.body["ipVersion"] == "IPV6" {
		a.addresses--
		r.body["address"] = fmt.Sprintf("2001:db8::%x", len(a.resources)+1)
	}
	return nil
}

// viewAddress shows whether a forwarding rule uses the address.
func viewAddress(a *API, r *resource, body map[string]any) {
	body["status"] = "RESERVED"
	var users []any
	for _, user := range a.users(r) {
		users = append(users, link(user.path()))
	}
	if users != nil {
		body["status"], body["users"] = "IN_USE", users
	}
}
