package protection

import (
	"slices"

	"github.com/iapguard/iapguard/internal/posture"
)

// Proven are the findings that hold whatever could not be read of a service: that its
// own settings let the internet in, and that everybody may invoke it.
func Proven(p posture.Posture, findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool {
		part, _ := p.Part(f.Resource)
		switch f.Code {
		case IngressOpen, InvokerCheckOff:
			return part.ServiceUnread != ""
		case PublicInvoker:
			return part.Invokers.Unread != ""
		}
		return true
	})
}
