package caller

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// maxForwards bounds how many called services are listed.
const maxForwards = 5

// ForwardAdvice says what IAP's token means to the calls that a service makes to
// other Cloud Run services, as far as its environment shows them. It is "" where the
// service calls none, and where IAP is neither on nor about to be turned on.
//
// IAP authenticates to Cloud Run with X-Serverless-Authorization, and where that
// and Authorization are sent Cloud Run checks the former alone; the service gets
// it with its signature removed. A service that passes incoming headers on is refused.
// Source: run/docs/authenticating/service-to-service.
func ForwardAdvice(p posture.Posture, changes []ChangeTo) string {
	others := slices.DeleteFunc(slices.Clone(p.Service.Calls), func(host string) bool { return answersTo(p, host) })
	others = slices.DeleteFunc(others, func(host string) bool {
		return slices.ContainsFunc(p.Service.TagURLs, func(u string) bool { return posture.HostOf(u) == host })
	})
	if len(others) == 0 || !behindIAP(p, changes) {
		return ""
	}
	named := strings.Join(others[:min(len(others), maxForwards)], ", ")
	if len(others) > maxForwards {
		named += " and others"
	}
	return "the service's environment names other Cloud Run services (" + named +
		"): behind IAP every request brings IAP's token in " +
		"X-Serverless-Authorization, with its signature removed, and Cloud Run reads no other header when that one is sent; " +
		"so pass that header on to nobody, and call with an identity token of the service's own account, made out to the " +
		"service that is called"
}

// behindIAP reports whether IAP is before the service, or will be.
func behindIAP(p posture.Posture, changes []ChangeTo) bool {
	return p.Service.IAPOn || slices.ContainsFunc(p.Backends, posture.Backend.Guarded) ||
		slices.ContainsFunc(changes, func(c ChangeTo) bool { return c.Change == ChangeIAP || c.Change == ChangeDirectIAP })
}
