# The preventive twin: with these the gap cannot be opened, where iapguard closes it
# afterwards. They are off by default, for they refuse what is being deployed:
#
# - run.allowedIngress: a service that is to be reached from the internet directly
#   can no longer be deployed or updated with that ingress, Cloud Functions among
#   them, and a new service's default is just that. Load balancers, Pub/Sub,
#   Eventarc and Cloud Scheduler go on. Services that are there stay as they are
#   until their next deployment, which then fails.
# - run.managed.requireInvokerIam: nobody can switch the invoker check off any more
#   (--no-invoker-iam-check); the answer is "invoker_iam_disabled is not currently
#   available". It does not keep anybody from granting allUsers: for that there is
#   iam.managed.allowedPolicyMembers.
#
# Set them first where nobody deploys, read the refusals in the audit log, then on.

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
