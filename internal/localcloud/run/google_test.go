package run_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	api "google.golang.org/api/run/v2"
)

// finish waits for an operation as users of Google's client do.
func finish(t *testing.T, service *api.Service, operation *api.GoogleLongrunningOperation, err error) {
	t.Helper()
	for err == nil && !operation.Done {
		operation, err = service.Projects.Locations.Operations.Wait(operation.Name,
			&api.GoogleLongrunningWaitOperationRequest{Timeout: "10s"}).Do()
	}
	if err != nil || operation.Error != nil {
		t.Fatalf("operation %+v: %v", operation, err)
	}
}

func TestGooglesClientReadsEverything(t *testing.T) {
	c := start(t)
	client, err := api.NewService(t.Context(), option.WithEndpoint(c.server.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	const parent, name = "projects/demo-project/locations/us-central1",
		"projects/demo-project/locations/us-central1/services/hello"
	services := client.Projects.Locations.Services
	operation, err := services.Create(parent, &api.GoogleCloudRunV2Service{
		Template: &api.GoogleCloudRunV2RevisionTemplate{Containers: []*api.GoogleCloudRunV2Container{{Image: "i"}}},
	}).ServiceId("hello").Do()
	finish(t, client, operation, err)

	read, err := services.Get(name).Do()
	if err != nil {
		t.Fatal(err)
	}
	operation, err = services.Patch(name, &api.GoogleCloudRunV2Service{
		Ingress: "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", Etag: read.Etag}).UpdateMask("ingress").Do()
	finish(t, client, operation, err)
	list, err := services.List(parent).Do()
	if err != nil {
		t.Fatal(err)
	}
	changed := list.Services[0]
	got := []any{len(list.Services), changed.Name, changed.Ingress, changed.Generation, changed.ObservedGeneration,
		changed.TerminalCondition.State, changed.Template.Containers[0].Resources.CpuIdle, changed.Traffic[0].Percent,
		changed.LatestReadyRevision}
	want := []any{1, name, "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", int64(2), int64(2), "CONDITION_SUCCEEDED", true,
		int64(100), read.LatestReadyRevision}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}

	_, err = services.Patch(name, &api.GoogleCloudRunV2Service{Description: "d", Etag: read.Etag}).UpdateMask(
		"description").Do()
	var refused *googleapi.Error
	if !errors.As(err, &refused) || refused.Code != http.StatusConflict || !strings.Contains(refused.Body, `"ABORTED"`) {
		t.Errorf("patch with a stale etag: %v", err)
	}
	// A forced revision: the whole service goes back, without the revision's name.
	changed.Template.Revision = ""
	operation, err = services.Patch(name, changed).ForceNewRevision(true).Do()
	finish(t, client, operation, err)
	revisions, err := services.Revisions.List(name).Do()
	if err != nil || len(revisions.Revisions) != 2 {
		t.Errorf("revisions %v: %v", revisions, err)
	}

	policy, err := services.GetIamPolicy(name).OptionsRequestedPolicyVersion(3).Do()
	if err != nil || policy.Etag != "ACAB" {
		t.Fatalf("policy %+v: %v", policy, err)
	}
	policy.Version = 3
	policy.Bindings = []*api.GoogleIamV1Binding{{Role: "roles/run.invoker", Members: []string{"allUsers"}}}
	set, err := services.SetIamPolicy(name, &api.GoogleIamV1SetIamPolicyRequest{Policy: policy}).Do()
	if err != nil || len(set.Bindings) != 1 {
		t.Errorf("policy %+v: %v", set, err)
	}
	tested, err := services.TestIamPermissions(name,
		&api.GoogleIamV1TestIamPermissionsRequest{Permissions: []string{"run.services.get"}}).Do()
	if err != nil || len(tested.Permissions) != 1 {
		t.Errorf("permissions %+v: %v", tested, err)
	}
	operation, err = services.Delete(name).Do()
	finish(t, client, operation, err)
	if _, err := services.Get(name).Do(); !errors.As(err, &refused) || refused.Code != http.StatusNotFound {
		t.Errorf("get after delete: %v", err)
	}
}
