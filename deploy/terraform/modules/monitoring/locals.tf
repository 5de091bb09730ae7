locals {
  # What is delivered where: the file that the tests hold against the code.
  pushed_to = { for push in yamldecode(file("${path.module}/../../../intake.yaml")).push : push.topic => push.path }

  # Where modules/reports keeps the reports.
  reports_dataset = replace(var.name, "-", "_")

  labels = merge({ app = var.name }, var.labels)
}
