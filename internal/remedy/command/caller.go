package command

import "strings"

// inProject adds the name of a resource of a project, or of one of its
// locations, as gcloud takes it. A name of another form stays whole.
func inProject(c Command, name string) Command {
	switch part := strings.Split(name, "/"); len(part) {
	case 4: // projects/P/subscriptions/S
		return c.named(part[3]).project(part[1])
	case 6: // projects/P/locations/L/KIND/NAME
		return c.named(part[5]).flag("location", part[3]).project(part[1])
	}
	return c.named(name)
}

// PushEndpoint prints where a push subscription sends its messages.
func PushEndpoint(subscription string) Command {
	return inProject(gcloud("pubsub", "subscriptions", "describe"), subscription).
		flag("format", "value(pushConfig.pushEndpoint)")
}

// SignPushes makes a push subscription bring an identity token. gcloud sets the
// account together with the endpoint only, whose query is not known here.
func SignPushes(subscription, account string) Command {
	return inProject(gcloud("pubsub", "subscriptions", "update"), subscription).
		output("push-endpoint", PushEndpoint(subscription)).flag("push-auth-service-account", account)
}

// MovePushes points a push subscription at another address, with a token.
func MovePushes(subscription, address, account string) Command {
	return inProject(gcloud("pubsub", "subscriptions", "update"), subscription).
		flag("push-endpoint", address).flag("push-auth-service-account", account)
}

// SignJob makes a Cloud Scheduler job bring an identity token.
func SignJob(job, account string) Command {
	return inProject(gcloud("scheduler", "jobs", "update", "http"), job).flag("oidc-service-account-email", account)
}

// MoveJob points a Cloud Scheduler job at another address, with a token that is
// made out to audience.
func MoveJob(job, address, account, audience string) Command {
	return inProject(gcloud("scheduler", "jobs", "update", "http"), job).flag("uri", address).
		flag("oidc-service-account-email", account).flag("oidc-token-audience", audience)
}

// SignTrigger makes an Eventarc trigger bring an identity token.
func SignTrigger(trigger, account string) Command {
	return inProject(gcloud("eventarc", "triggers", "update"), trigger).flag("service-account", account)
}
