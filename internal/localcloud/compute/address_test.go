package compute

import (
	"net/netip"
	"testing"
)

func TestAddressesAreManyAndDifferent(t *testing.T) {
	for version, tc := range map[string]struct {
		nth    func(int) string
		most   int
		within []string
	}{
		"IPV4": {address4, most4, []string{"203.0.113.0/24", "198.51.100.0/24", "198.18.0.0/15"}},
		"IPV6": {address6, most6, []string{"2001:db8::/32"}},
	} {
		taken := map[netip.Addr]bool{}
		for n := range tc.most {
			address, err := netip.ParseAddr(tc.nth(n))
			if err != nil || taken[address] {
				t.Fatalf("%s: address %d is %q: %v, handed out before: %v", version, n, tc.nth(n), err, taken[address])
			}
			taken[address] = true
			inside := false
			for _, block := range tc.within {
				inside = inside || netip.MustParsePrefix(block).Contains(address)
			}
			if !inside {
				t.Fatalf("%s: %v belongs to somebody", version, address)
			}
		}
		if len(taken) < 60_000 {
			t.Errorf("%s: %d addresses, want enough for 10,000 forwarding rules and more", version, len(taken))
		}
	}
}
