package report

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/protection"
)

// openWords say in a word or two what leaves a door open, in the order in which an alert
// says it.
var openWords = []struct {
	code  protection.Code
	words string
}{
	{protection.PublicInvoker, "allUsers"},
	{protection.InheritedPublicInvoker, "allUsers from above"},
	{protection.InvokerCheckOff, "no invoker check"},
	{protection.PublicAccessor, "IAP lets everybody in"},
	{protection.IAPSettingsOpen, "IAP's settings let others in"},
	{protection.IngressOpen, "ingress all"},
	{protection.IAPOff, "IAP off"},
	{protection.DirectIAPOff, "IAP off"},
}

// OpenBecause says in a few words why the service is exposed, or why that is not known, for
// the subject of an alert; "" = it is not exposed.
func (r Report) OpenBecause() string {
	var all []string
	switch r.Exposed {
	case door.Yes:
		codes := r.Codes()
		for _, one := range openWords {
			if slices.Contains(codes, string(one.code)) {
				all = append(all, one.words)
			}
		}
		if len(all) == 0 {
			all = r.doorKinds(door.GuardOpen, door.GuardSignedIn)
		}
	case door.Unknown:
		for _, kind := range r.doorKinds(door.GuardUnknown) {
			all = append(all, kind+" not read")
		}
	}
	return strings.Join(slices.Compact(all), ", ")
}

// doorKinds are the kinds of the doors with one of some guards.
func (r Report) doorKinds(guards ...door.Guard) []string {
	var kinds []string
	for _, one := range r.Doors {
		if slices.Contains(guards, one.Guard) {
			kinds = append(kinds, string(one.Kind))
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
