package deploy_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

const (
	asShipped = "../../deploy"
	region    = "us-central1"
	number    = "123456789012"
	project   = "projects/" + playground.Project
)

// enforcing is a policy that protects at once.
const enforcing = `version: 1
rules:
  - {name: everything, match: {projects: [demo-project]}, mode: enforce, access: {members: ["user:alice@example.com"]}, settle: 0s, quiet: 0s, propagation: 0s}
`

// variables returns the variables that a platform team sets, and the address of the
// local cloud.
func variables(changes map[string]any) map[string]any {
	set := map[string]any{
		"project_id": playground.Project, "region": region,
		"image": "us-central1-docker.pkg.dev/demo-project/iapguard/iapguard@sha256:" + strings.Repeat("0", 64),
		// The local cloud's Pub/Sub has one project.
		"allow_guard_in_guarded_project": true,
		"mode":                           "enforce", "runtime_projects": []any{playground.Project}, "policy": enforcing,
	}
	for name, value := range changes {
		set[name] = value
	}
	return set
}

// moduleOf reads the module of a folder like deploy/, once the service has an
// address.
func moduleOf(t *testing.T, folder string, set map[string]any, address string) *blueprint.Module {
	t.Helper()
	read, err := blueprint.Load(filepath.Join(folder, "terraform"),
		blueprint.Options{Variables: set, Given: map[string]string{
			"google_cloud_run_v2_service.function.uri": address, "data.google_project.own.number": number,
			"data.google_project.scope.number": number,
		}})
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// fixture has the module's resources in a local cloud, with the built binary as the
// container of its service.
type fixture struct {
	*cloudtest.Env
	t       *testing.T
	folder  string
	set     map[string]any
	address string // of the service
	program *program

	mu      sync.Mutex
	reports []report.Report
}

// open makes a local cloud without anything of iapguard's in it but what the module is
// read from: a folder like deploy/, and variables.
func open(t *testing.T, folder string, changes map[string]any) *fixture {
	t.Helper()
	e := &fixture{Env: cloudtest.Start(t, playground.Options{Roles: []apiserver.Role{}}), t: t, folder: folder,
		set: variables(changes)}
	e.set["environment"] = map[string]any{"IAPGUARD_ENDPOINT": e.URL(), "LOG_LEVEL": "DEBUG"}
	if err := e.OnReport(t.Context(), e.reported); err != nil {
		t.Fatal(err)
	}
	return e
}

// apply creates every resource that the local cloud serves, in Terraform's order.
func (e *fixture) apply() {
	e.t.Helper()
	e.make("google_service_account", e.account)
	e.ancestors()
	e.make("google_project_iam_custom_role", e.role)
	e.make("google_service_account_iam_policy", e.policyOf)
	e.make("google_storage_bucket", e.bucket)
	e.make("google_storage_bucket_iam_policy", e.policyOf)
	e.make("google_project_iam_member", e.member)
	e.make("google_pubsub_topic", func(r blueprint.Resource) { e.done(e.Broker.CreateTopic(e.t.Context(), r.Text("id"))) })
	e.make("google_pubsub_topic_iam_policy", e.policyOf)
	e.make("google_cloud_run_v2_service", e.service)
	e.make("google_cloud_run_v2_service_iam_policy", e.policyOf)
	e.make("google_pubsub_subscription", e.subscription)
	e.make("google_pubsub_subscription_iam_policy", e.policyOf)
	e.make("google_logging_project_sink", e.sink)
	e.make("google_eventarc_trigger", e.trigger)
}

func (e *fixture) done(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// make calls each with every resource of a type.
func (e *fixture) make(kind string, each func(blueprint.Resource)) {
	e.t.Helper()
	for _, resource := range e.all(kind) {
		each(resource)
	}
}

// all returns the resources of a type.
func (e *fixture) all(kind string) []blueprint.Resource {
	e.t.Helper()
	found, err := moduleOf(e.t, e.folder, e.set, e.address).Resources(kind)
	e.done(err)
	return found
}

func (e *fixture) post(path string, body map[string]any) map[string]any {
	e.t.Helper()
	return e.CallAs(e.Owner(), http.MethodPost, path, body)
}

// copied returns a copy of deploy/ with replacements in its intake.yaml.
func copied(t *testing.T, replace ...string) string {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "intake.yaml")
	if err := os.CopyFS(folder, os.DirFS(asShipped)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer(replace...).Replace(string(text))
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}
