package caller

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// A remedy keeps a caller working. It changes a subscription, a job or a trigger
// only where that provably calls this service.

// letSign makes a caller bring a token of an account that may invoke.
func (of call) letSign() string {
	granted := " && " + grant(of.p, "")
	switch c := of.c; {
	case !of.w.proven:
		return of.ifMeant("bring")
	case c.Kind == PushSubscription:
		return command.SignPushes(c.Name, command.Account).String() + granted
	case c.Kind == SchedulerJob:
		return command.SignJob(c.Name, command.Account).String() + granted
	case c.Kind == EventTrigger:
		return command.SignTrigger(c.Name, command.Account).String() + granted
	}
	return "let it bring an identity token of a service account" + granted
}

// atDefaultURL sends a caller to the service's run.app address, where Google's
// services of the project get in past IAP and ingress, with a token of an invoker.
func (of call) atDefaultURL() string {
	address, account := of.p.DefaultURL(), orAccount(of.c.Principal)
	granted := " && " + grant(of.p, of.c.Principal)
	switch c := of.c; {
	case !of.w.proven:
		return of.ifMeant("call " + address + pathOf(c.Address) + " with")
	case c.Kind == PushSubscription:
		return command.MovePushes(c.Name, address+pathOf(c.Address), account).String() + granted
	case c.Kind == SchedulerJob:
		return command.MoveJob(c.Name, address+pathOf(c.Address), account, address).String() + granted
	}
	return "let it call " + address + " with an identity token of an account that may invoke"
}

// ifMeant is the remedy of a caller that may as well call another service behind
// the load balancer: a person looks first.
func (of call) ifMeant(does string) string {
	return "look where " + posture.HostOf(of.c.Address) + " leads; if to this service, let it " + does +
		" an identity token of an account that may invoke"
}

// plainPath is a path that no URL and no command has to escape.
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

// grant lets an account invoke the service, "" = one that a person chooses.
func grant(p posture.Posture, account string) string {
	return command.GrantInvoker(p.Target, "serviceAccount:"+orAccount(account)).String()
}

// orAccount is the account as a command may hold it, or a word that stands for it.
func orAccount(account string) string {
	if account == "" || strings.ContainsFunc(account, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("-.@:", r))
	}) {
		return command.Account
	}
	return account
}
