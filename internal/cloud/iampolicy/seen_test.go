package iampolicy

import "testing"

func TestAPolicyIsKeptAtTheVersionSeenLast(t *testing.T) {
	seen, policy := NewSeen(), sample()
	seen.Note("a service", policy)
	got, ok := seen.At("a service", policy.Etag)
	if !ok || got.Etag != policy.Etag || len(got.Bindings) != len(policy.Bindings) {
		t.Fatalf("the policy is %v (%t)", got, ok)
	}
	got.Bindings[0].Members[0] = "user:changed@example.com"
	if again, _ := seen.At("a service", policy.Etag); again.Bindings[0].Members[0] == "user:changed@example.com" {
		t.Error("who changes a copy changes what is kept")
	}
	for name, version := range map[string]string{"a service": "another", "another": policy.Etag} {
		if _, ok := seen.At(name, version); ok {
			t.Errorf("%s is known at %s", name, version)
		}
	}
	unversioned := policy
	unversioned.Etag = ""
	seen.Note("a service", unversioned)
	if _, ok := seen.At("a service", ""); ok {
		t.Error("a policy without a version counts as seen")
	}
}
