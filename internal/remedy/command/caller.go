package command

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// Account stands for a service account that a person chooses.
const Account = "ACCOUNT"

// GrantInvoker lets a service account invoke the service.
func GrantInvoker(t posture.Target, account string) Command {
	return onService(gcloud("run", "services", "add-iam-policy-binding"), t).
		Flag("role", posture.RoleInvoker).Flag("member", "serviceAccount:"+account)
}

// onService adds the name of a Cloud Run service and where it is.
func onService(c Command, t posture.Target) Command {
	return c.word(t.Service).Flag("region", t.Location).Project(t.Project)
}

// named adds the name of a resource of a project, or of one of its locations, as
// gcloud takes it. A name of another form stays whole.
func named(c Command, name string) Command {
	switch part := strings.Split(name, "/"); len(part) {
	case 4: // projects/P/subscriptions/S
		return c.word(part[3]).Project(part[1])
	case 6: // projects/P/locations/L/KIND/NAME
		return c.word(part[5]).Flag("location", part[3]).Project(part[1])
	}
	return c.word(name)
}

// SignPushes makes a push subscription bring an identity token. gcloud sets the
// account together with the endpoint only, whose query is not known here.
func SignPushes(subscription, account string) Command {
	endpoint := named(gcloud("pubsub", "subscriptions", "describe"), subscription).
		Flag("format", "value(pushConfig.pushEndpoint)")
	return named(gcloud("pubsub", "subscriptions", "update"), subscription).
		output("push-endpoint", endpoint).Flag("push-auth-service-account", account)
}

// MovePushes points a push subscription at another address, with a token.
func MovePushes(subscription, address, account string) Command {
	return named(gcloud("pubsub", "subscriptions", "update"), subscription).
		Flag("push-endpoint", address).Flag("push-auth-service-account", account)
}

// SignJob makes a Cloud Scheduler job bring an identity token.
func SignJob(job, account string) Command {
	return named(gcloud("scheduler", "jobs", "update", "http"), job).Flag("oidc-service-account-email", account)
}

// MoveJob points a Cloud Scheduler job at another address, with a token that is
// made out to audience.
func MoveJob(job, address, account, audience string) Command {
	return named(gcloud("scheduler", "jobs", "update", "http"), job).Flag("uri", address).
		Flag("oidc-service-account-email", account).Flag("oidc-token-audience", audience)
}

// SignTrigger makes an Eventarc trigger bring an identity token.
func SignTrigger(trigger, account string) Command {
	return named(gcloud("eventarc", "triggers", "update"), trigger).Flag("service-account", account)
}
