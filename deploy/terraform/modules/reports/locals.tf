locals {
  # How it is delivered: the file that the tests hold against the code.
  delivery = yamldecode(file("${path.module}/../../../intake.yaml")).delivery

  labels = merge({ app = var.name }, var.labels)
}
