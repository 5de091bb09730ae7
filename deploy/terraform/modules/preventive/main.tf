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
# - iap: a constraint of our own. A service that the whole internet reaches must have IAP
#   at the service itself; the deployment of any other one is refused. A service behind a
#   load balancer has the ingress internal-and-cloud-load-balancing, and IAP at the load
#   balancer: two IAPs would refuse every visitor. It is written on the fields of version 1
#   of Cloud Run's API (run/docs/securing/custom-constraints). That these annotations can be
#   asked for is *unverified*.
#
# Set them first where no team deploys, read the refusals in the audit log, and
# widen the scope then.

locals {
  constraints = merge(
    contains(var.preventive, "ingress") ? { "run.allowedIngress" = { enforce = null, allowed = ["internal", "internal-and-cloud-load-balancing"] } } : {},
    contains(var.preventive, "invoker") ? { "run.managed.requireInvokerIam" = { enforce = "TRUE", allowed = [] } } : {},
    contains(var.preventive, "iap") ? { (local.iap_constraint) = { enforce = "TRUE", allowed = [] } } : {},
  )

  organization_id = startswith(var.scope, "organizations/") ? trimprefix(var.scope, "organizations/") : var.organization_id
  iap_constraint  = "custom.${replace(var.name, "-", "")}RequireIap"
}

# A constraint refuses nothing before a policy enforces it.
resource "google_org_policy_custom_constraint" "iap" {
  count = contains(var.preventive, "iap") ? 1 : 0

  name           = local.iap_constraint
  parent         = "organizations/${local.organization_id}"
  display_name   = "IAP on services that the internet reaches"
  description    = "Turn IAP on (gcloud run deploy --iap), or restrict the ingress (--ingress=internal-and-cloud-load-balancing)."
  resource_types = ["run.googleapis.com/Service"]
  method_types   = ["CREATE", "UPDATE"]
  action_type    = "DENY"
  condition      = "${local.from_internet} && !(${local.with_iap})"
}

# An annotation that is missing has its default: ingress from everywhere, and no IAP.
locals {
  from_internet = "(!('run.googleapis.com/ingress' in resource.metadata.annotations) || resource.metadata.annotations['run.googleapis.com/ingress'] == 'all')"
  with_iap      = "'run.googleapis.com/iap-enabled' in resource.metadata.annotations && resource.metadata.annotations['run.googleapis.com/iap-enabled'] == 'true'"
}

resource "google_org_policy_policy" "preventive" {
  for_each = local.constraints

  name   = "${var.scope}/policies/${each.key}"
  parent = var.scope

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

  depends_on = [google_org_policy_custom_constraint.iap]
}
