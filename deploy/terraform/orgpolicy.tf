# Prevention: with these policies the gap cannot be opened, whereas iapguard closes it
# afterwards. They are off by default, because they refuse deployments:
#
# - run.allowedIngress: a service with ingress from the whole internet can no longer
#   be deployed or updated, Cloud Functions included, and that ingress is the default
#   of a new service. Load balancers, Pub/Sub, Eventarc and Cloud Scheduler still
#   reach services. Existing services stay as they are until their next deployment,
#   which then fails.
# - run.managed.requireInvokerIam: the invoker check can no longer be turned off
#   (--no-invoker-iam-check); the error is "invoker_iam_disabled is not currently
#   available". It does not prevent grants to allUsers:
#   iam.managed.allowedPolicyMembers does.
#
# Set them first where no team deploys, read the refusals in the audit log, and
# widen the scope then.

locals {
  constraints = merge(
    contains(var.preventive, "ingress") ? { "run.allowedIngress" = { enforce = null, allowed = ["internal", "internal-and-cloud-load-balancing"] } } : {},
    contains(var.preventive, "invoker") ? { "run.managed.requireInvokerIam" = { enforce = "TRUE", allowed = [] } } : {},
  )
}

resource "google_org_policy_policy" "preventive" {
  for_each = local.constraints

  name   = "${local.scope}/policies/${each.key}"
  parent = local.scope

  spec {
    rules {
      enforce = each.value.enforce

      dynamic "values" {
        for_each = length(each.value.allowed) > 0 ? [each.value.allowed] : []

        content {
          allowed_values = values.value
        }
      }
    }
  }

  depends_on = [google_project_service.api]
}
