# What is refused. The comment of each run is part of what its message says;
# test/deploy holds the messages against it, which Terraform's tests cannot.

mock_provider "google" {
  source          = "./tests/google"
  override_during = plan
}

mock_provider "time" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/iapguard/iapguard@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

  allow_guard_in_guarded_project = true
}

# project_id is "123456789012": write the project's id
run "a_project_number_for_its_id" {
  command = plan

  variables {
    project_id = "123456789012"
  }
  expect_failures = [var.project_id]
}

# region is "europe-west1-b": write a region such as europe-west1
run "a_zone_for_a_region" {
  command = plan

  variables {
    region = "europe-west1-b"
  }
  expect_failures = [var.region]
}

# a multi-region (eu) will not do
run "a_multi_region" {
  command = plan

  variables {
    region = "eu"
  }
  expect_failures = [var.region]
}

# write 6 to 20 lower-case letters, digits and hyphens
run "a_name_with_capitals" {
  command = plan

  variables {
    name = "IapGuard"
  }
  expect_failures = [var.name]
}

# name is "google-guard": write 6 to 20 lower-case letters, digits and hyphens, beginning with a letter and not with goog: topics
run "a_name_that_no_topic_may_have" {
  command = plan

  variables {
    name = "google-guard"
  }
  expect_failures = [var.name]
}

# name is "iapguard-of-the-platform-team"
run "a_name_too_long_for_accounts" {
  command = plan

  variables {
    name = "iapguard-of-the-platform-team"
  }
  expect_failures = [var.name]
}

# scope is "123456789012": write projects/ID with the project's id, folders/NUMBER or organizations/NUMBER
run "a_scope_without_its_kind" {
  command = plan

  variables {
    scope = "123456789012"
  }
  expect_failures = [var.scope]
}

# scope is "projects/123456789012": write projects/ID
run "a_scope_that_is_a_project_number" {
  command = plan

  variables {
    scope = "projects/123456789012"
  }
  expect_failures = [var.scope]
}

# scope is "folders/shops"
run "a_folder_by_its_name" {
  command = plan

  variables {
    scope           = "folders/shops"
    organization_id = "987654321"
  }
  expect_failures = [var.scope]
}

# gcloud organizations list
run "an_organisation_by_its_domain" {
  command = plan

  variables {
    scope = "organizations/example.com"
  }
  expect_failures = [var.scope]
}

# set organization_id to the organisation's number
run "a_folder_without_its_organisation" {
  command = plan

  variables {
    scope = "folders/111"
  }
  expect_failures = [var.organization_id]
}

# write the number alone, without organizations/
run "an_organisation_id_with_its_kind" {
  command = plan

  variables {
    organization_id = "organizations/987654321"
  }
  expect_failures = [var.organization_id]
}

# leave organization_id out, or correct one of them
run "two_organisations" {
  command = plan

  variables {
    scope           = "organizations/987654321"
    organization_id = "123"
  }
  expect_failures = [var.organization_id]
}

# labels has a key or value that Google refuses
run "a_label_with_capitals" {
  command = plan

  variables {
    labels = { Team = "x" }
  }
  expect_failures = [var.labels]
}

# in which the guard itself would stand: every editor there could command it
run "a_guard_in_the_project_that_it_guards" {
  command = plan

  variables {
    allow_guard_in_guarded_project = false
  }
  expect_failures = [var.allow_guard_in_guarded_project]
}

# Give project_id a project of its own
run "a_guard_in_the_project_that_it_guards_by_name" {
  command = plan

  variables {
    scope                          = "projects/my-project"
    allow_guard_in_guarded_project = false
  }
  expect_failures = [var.allow_guard_in_guarded_project]
}

# intake is empty
run "no_intake" {
  command = plan

  variables {
    intake = []
  }
  expect_failures = [var.intake]
}

# intake has feed: write "sink", "eventarc" or both
run "an_unknown_intake" {
  command = plan

  variables {
    intake = ["sink", "feed"]
  }
  expect_failures = [var.intake]
}

# a trigger sees the audit log of its own project alone; write intake = ["sink"]
run "triggers_for_an_organisation" {
  command = plan

  variables {
    intake = ["eventarc"]
    scope  = "organizations/987654321"
  }
  expect_failures = [var.intake]
}
