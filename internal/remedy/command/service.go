package command

import "github.com/iapguard/iapguard/internal/posture"

// onService adds the name of a Cloud Run service and where it is.
func onService(c Command, t posture.Target) Command {
	return c.named(t.Service).flag("region", t.Location).project(t.Project)
}

// updateService changes the service. The settings of a multi-region service are written at
// global, by a command that the beta track has (gcloud 528).
func updateService(t posture.Target) Command {
	if t.Location == posture.Global {
		return gcloud("beta", "run", "multi-region-services", "update").named(t.Service).project(t.Project)
	}
	return onService(gcloud("run", "services", "update"), t)
}

// GrantInvoker lets a member invoke the service.
func GrantInvoker(t posture.Target, member string) Command {
	return onService(gcloud("run", "services", "add-iam-policy-binding"), t).
		flag("role", posture.RoleInvoker).flag("member", member)
}

// RevokeInvoker takes a member out of a role in the service's policy, with
// conditional bindings where conditional is set.
func RevokeInvoker(t posture.Target, role, member string, conditional bool) Command {
	c := onService(gcloud("run", "services", "remove-iam-policy-binding"), t).flag("role", role).flag("member", member)
	if conditional {
		return c.on("all")
	}
	return c
}

// SetIngress sets from where the service can be reached.
func SetIngress(t posture.Target, ingress posture.Ingress) Command {
	return updateService(t).flag("ingress", string(ingress))
}

// RequireInvoker turns the service's invoker check on.
func RequireInvoker(t posture.Target) Command { return updateService(t).on("invoker-iam-check") }

// SkipInvokerCheck turns the service's invoker check off.
func SkipInvokerCheck(t posture.Target) Command { return updateService(t).on("no-invoker-iam-check") }

// EnableDirectIAP turns the service's own IAP on.
func EnableDirectIAP(t posture.Target) Command { return updateDirectIAP(t).on("iap") }

// DisableDirectIAP turns the service's own IAP off.
func DisableDirectIAP(t posture.Target) Command { return updateDirectIAP(t).on("no-iap") }

// updateDirectIAP is of the beta track, which has both flags everywhere: the GA
// track of gcloud 528 refuses --no-iap.
func updateDirectIAP(t posture.Target) Command {
	if t.Location == posture.Global {
		return updateService(t)
	}
	return onService(gcloud("beta", "run", "services", "update"), t)
}

// DisableHTTP2 lets the service's container take HTTP/1 only.
func DisableHTTP2(t posture.Target) Command { return updateService(t).on("no-use-http2") }

// UnnameRevision lets Cloud Run choose the names of the service's revisions.
func UnnameRevision(t posture.Target) Command { return updateService(t).flag("revision-suffix", "") }

// Redeploy makes a revision that differs in a label only: gcloud labels the
// revision together with the service.
func Redeploy(t posture.Target) Command {
	return updateService(t).pairs("update-labels", pair{"redeployed-for", "iap"})
}

// ServeLatest sends all requests to the latest revision.
func ServeLatest(t posture.Target) Command {
	return onService(gcloud("run", "services", "update-traffic"), t).on("to-latest")
}

// DescribeService shows the service and its conditions.
func DescribeService(t posture.Target) Command {
	return onService(gcloud("run", "services", "describe"), t)
}
