package caller

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// What keeps a caller working, each a command where there is one. Names in it
// are those that Google gave out or checked; addresses are put together from
// the service's own.

// place is a caller's name as gcloud takes it.
func (c Caller) place() string {
	part := strings.Split(c.Name, "/")
	if !plainName.MatchString(c.Name) {
		return posture.Quote(c.Name)
	}
	if len(part) == 4 { // projects/P/subscriptions/S
		return part[3] + " --project=" + part[1]
	}
	if len(part) == 6 { // projects/P/locations/L/KIND/NAME
		return part[5] + " --location=" + part[3] + " --project=" + part[1]
	}
	return posture.Quote(c.Name)
}

// letSign makes a caller bring a token.
func letSign(c Caller) string {
	switch c.Kind {
	case PushSubscription:
		// gcloud sets the account with the endpoint only, of which the query is not known here.
		return "gcloud pubsub subscriptions update " + c.place() + ` --push-endpoint="$(gcloud pubsub subscriptions describe ` + c.place() +
			` --format='value(pushConfig.pushEndpoint)')" --push-auth-service-account=ACCOUNT`
	case SchedulerJob:
		return "gcloud scheduler jobs update http " + c.place() + " --oidc-service-account-email=ACCOUNT"
	case EventTrigger:
		return "gcloud eventarc triggers update " + c.place() + " --service-account=ACCOUNT"
	}
	return "let it bring an identity token of a service account"
}

// atDefaultURL sends a caller to the service's run.app address, where Google's
// services of the project get in past IAP and ingress, with a token of an invoker.
func atDefaultURL(p posture.Posture, c Caller) string {
	address, account := p.DefaultURL(), orAccount(c.Principal)
	grant := " && " + grant(p, c.Principal)
	switch c.Kind {
	case PushSubscription:
		return "gcloud pubsub subscriptions update " + c.place() + " --push-endpoint=" + address + pathOf(c.Address) +
			" --push-auth-service-account=" + account + grant
	case SchedulerJob:
		return "gcloud scheduler jobs update http " + c.place() + " --uri=" + address + pathOf(c.Address) +
			" --oidc-service-account-email=" + account + " --oidc-token-audience=" + address + grant
	}
	return "let it call " + address + " with an identity token of an account that may invoke"
}

// plainName is a resource's name that a shell takes as it is.
// Source of the signs: pubsub/docs/pubsub-basics#resource_names.
var plainName = regexp.MustCompile(`^[A-Za-z0-9/_.~%+:-]*$`)

// plainPath is a path that a shell takes as it is.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/_.~-]*$`)

// pathOf is an address's path, as far as a command may hold it.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || !plainPath.MatchString(u.Path) {
		return "/PATH"
	}
	return strings.TrimSuffix(u.Path, "/")
}

// moveInto is what helps a caller of another project.
func moveInto(p posture.Posture, _ Caller) string {
	return "make it in project " + p.Target.Project + ", or put both projects into one VPC Service Controls perimeter"
}
