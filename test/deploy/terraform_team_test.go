package deploy

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// team is what a team has of its own: services of both APIs, a load balancer, IAP.
// Everything that can be updated has the variable in it.
const team = `
variable "change" { type = string }

terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

resource "google_cloud_run_v2_service" "web" {
  name                = "web"
  location            = "us-central1"
  deletion_protection = false
  labels              = { change = var.change }
  template {
    containers { image = "us-docker.pkg.dev/cloudrun/container/hello" }
  }
}

resource "google_cloud_run_service" "old" {
  name     = "old"
  location = "europe-west1"
  template {
    spec {
      containers {
        image = "us-docker.pkg.dev/cloudrun/container/hello"
        env {
          name  = "CHANGE"
          value = var.change
        }
      }
    }
  }
}

resource "google_compute_region_network_endpoint_group" "web" {
  name                  = "web"
  region                = "us-central1"
  network_endpoint_type = "SERVERLESS"
  cloud_run { service = google_cloud_run_v2_service.web.name }
}

resource "google_compute_backend_service" "web" {
  name                  = "web"
  description           = var.change
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  backend { group = google_compute_region_network_endpoint_group.web.id }
  iap { enabled = true }
}

resource "google_compute_url_map" "web" {
  name            = "web"
  description     = var.change
  default_service = google_compute_backend_service.web.id
}

resource "google_compute_managed_ssl_certificate" "web" {
  name = "web"
  managed { domains = ["web.example.com"] }
}

resource "google_compute_target_https_proxy" "web" {
  name             = "web"
  url_map          = google_compute_url_map.web.id
  ssl_certificates = [google_compute_managed_ssl_certificate.web.id]
}

resource "google_compute_global_address" "web" {
  name   = "web"
  labels = { change = var.change }
}

resource "google_compute_global_forwarding_rule" "web" {
  name                  = "web"
  labels                = { change = var.change }
  target                = google_compute_target_https_proxy.web.id
  ip_address            = google_compute_global_address.web.id
  port_range            = "443"
  load_balancing_scheme = "EXTERNAL_MANAGED"
}

resource "google_iap_web_backend_service_iam_member" "visitor" {
  web_backend_service = google_compute_backend_service.web.name
  role                = "roles/iap.httpsResourceAccessor"
  member              = "user:${var.change}@example.com"
}

resource "google_cloud_run_v2_service_iam_member" "visitor" {
  name     = google_cloud_run_v2_service.web.name
  location = "us-central1"
  role     = "roles/run.invoker"
  member   = "user:${var.change}@example.com"
}
`

// A team creates, plans, updates, plans and destroys, with the provider block that
// iapguard local env prints.
func TestATeamsTerraformIsCreatedUpdatedAndDestroyed(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	run := terraform(t, root)
	o := cloudtest.Start(t, playground.Options{InstantOperations: true})
	r := startRecorder(t, "team", o.URL())
	provider, err := exec.CommandContext(t.Context(), binary.Command(t), "local", "env", "--format", "terraform",
		"--addr", strings.TrimPrefix(r.server.URL, "http://")).Output()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "provider.tf"), string(provider))
	write(t, filepath.Join(root, "main.tf"), team)
	initialise(t, run)
	r.run = run
	for _, change := range []string{"one", "two"} {
		r.step("apply", "-auto-approve", "-var=change="+change)
		r.step("plan", "-var=change="+change)
	}
	r.step("destroy", "-auto-approve", "-var=change=two")
	r.finish(keepAll)
}
