package storage_test

import (
	"errors"
	"net/http"
	"testing"

	"google.golang.org/api/googleapi"
	gcs "google.golang.org/api/storage/v1"
)

func refusedWith(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

func TestABucketIsPatched(t *testing.T) {
	_, client := start(t)
	made(t, client, "memory")
	patched, err := client.Buckets.Patch("memory", &gcs.Bucket{Labels: map[string]string{"a": "b"},
		NullFields: []string{"Versioning"}}).IfMetagenerationMatch(1).Do()
	if err != nil || patched.Labels["a"] != "b" || patched.Versioning != nil || patched.Metageneration != 2 ||
		patched.IamConfiguration.PublicAccessPrevention != "enforced" {
		t.Fatalf("%+v, %v; want a label, no versioning, and the rest as it was", patched, err)
	}
	patched, err = client.Buckets.Patch("memory", &gcs.Bucket{Labels: map[string]string{"c": "d"},
		NullFields: []string{"Labels.a"}}).Do()
	if err != nil || len(patched.Labels) != 1 || patched.Labels["c"] != "d" {
		t.Errorf("%+v, %v; want one label taken away and one added", patched, err)
	}
	if _, err := client.Buckets.Patch("memory", &gcs.Bucket{}).IfMetagenerationMatch(1).Do(); refusedWith(err) !=
		http.StatusPreconditionFailed {
		t.Errorf("with the metageneration of before: %v, want a 412", err)
	}
	if _, err := client.Buckets.Patch("memory", &gcs.Bucket{Location: "US"}).Do(); refusedWith(err) != http.StatusBadRequest {
		t.Errorf("moving it: %v, want a 400", err)
	}
}

func TestABucketHasAPolicy(t *testing.T) {
	_, client := start(t)
	made(t, client, "memory")
	policy, err := client.Buckets.GetIamPolicy("memory").Do()
	if err != nil || policy.Etag == "" {
		t.Fatalf("%+v, %v", policy, err)
	}
	stale := *policy
	policy.Bindings = []*gcs.PolicyBindings{{Role: "roles/storage.objectViewer", Members: []string{"user:a@example.com"}}}
	written, err := client.Buckets.SetIamPolicy("memory", policy).Do()
	if err != nil || len(written.Bindings) != 1 || written.ResourceId != "projects/_/buckets/memory" {
		t.Fatalf("%+v, %v", written, err)
	}
	if _, err := client.Buckets.SetIamPolicy("memory", &stale).Do(); refusedWith(err) == 0 {
		t.Error("a policy is written over another with the etag of before")
	}
	if _, err := client.Buckets.GetIamPolicy("none").Do(); refusedWith(err) != http.StatusNotFound {
		t.Errorf("of no bucket: %v, want a 404", err)
	}
}
