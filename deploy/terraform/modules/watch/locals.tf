locals {
  # projects/ID, folders/NUMBER or organizations/NUMBER; what it is; its id.
  scope      = coalesce(var.scope, "projects/${var.project_id}")
  scope_kind = split("/", local.scope)[0]
  scope_id   = trimprefix(local.scope, "${local.scope_kind}/")
  in_project = local.scope_kind == "projects"

  labels = merge({ app = var.name }, var.labels)

  playbooks = { blind = replace(replace(replace(replace(
    file("${path.module}/../../../playbooks/blind.md"), "PROJECT", var.project_id), "REGION", var.region), "DATASET", var.reports_dataset), "NAME", var.name)
  }
}
