package compute

import (
	"fmt"
	"net/http"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// blocks4 are the IPv4 addresses that are handed out, as the first three
// numbers of each /24: those for documentation (RFC 5737), then those for
// benchmarks (RFC 2544). Nothing ever connects to a stranger. Each /24 has 254.
var blocks4 = func() []string {
	all := []string{"203.0.113", "198.51.100"}
	for third := range 512 {
		all = append(all, fmt.Sprintf("198.%d.%d", 18+third/256, third%256))
	}
	return all
}()

// most4 and most6 are how many addresses of each version there are to hand out.
var (
	most4 = 254 * len(blocks4)
	most6 = 1<<16 - 1
)

// address4 is the nth IPv4 address, from 0 on.
func address4(n int) string { return fmt.Sprintf("%s.%d", blocks4[n/254], n%254+1) }

// address6 is the nth IPv6 address, from 0 on: the first of a /64 of its own, as
// load balancers have, in 2001:db8::/32 (RFC 3849: documentation).
func address6(n int) string { return fmt.Sprintf("2001:db8:0:%x::", n+1) }

// newAddress hands out an address of an IP version, "" is IPV4, that nobody has.
// The next one is the one after the last, as long as there are any, so that an
// address that was released is not another's at once.
func (a *API) newAddress(version string) (string, error) {
	count, most, nth := &a.addresses, most4, address4
	if version == "IPV6" {
		count, most, nth = &a.addresses6, most6, address6
	}
	for range most {
		address := nth(*count % most)
		*count++
		if len(a.referring(addressKey(address))) == 0 {
			return address, nil
		}
	}
	return "", &apiserver.Error{Code: http.StatusForbidden, Status: "PERMISSION_DENIED", Reason: "quotaExceeded",
		Message: fmt.Sprintf("Quota 'IN_USE_ADDRESSES' exceeded.  Limit: %d.0 globally.", most)}
}

func settleAddress(a *API, r, old *resource) error {
	if apiserver.Text(r.body, "address") != "" {
		return nil
	}
	if old != nil {
		r.body["address"] = old.body["address"]
		return nil
	}
	fresh, err := a.newAddress(apiserver.Text(r.body, "ipVersion"))
	r.body["address"] = fresh
	return err
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
