package connect

import (
	"testing"

	"github.com/iapguard/iapguard/internal/fault"
)

func TestAnAnswerAboutAnotherResourceDoesNotCount(t *testing.T) {
	const asked = "projects/demo-project/locations/us-central1/services/hello"
	for answered, same := range map[string]bool{
		asked: true,
		"projects/123456789012/locations/us-central1/services/hello": true, // the same project by its number
		"projects/other/locations/us-central1/services/hello":        false,
		"projects/demo-project/locations/us-east1/services/hello":    false,
		"projects/demo-project/locations/us-central1/services/cart":  false,
		"organizations/1/locations/us-central1/services/hello":       false,
		"": false,
	} {
		err := About(asked, answered)
		if same != (err == nil) || err != nil && fault.Of(err).Kind != fault.Unavailable {
			t.Errorf("an answer about %q: %v, want it to count: %v", answered, err, same)
		}
	}
	if err := About("organizations/1/roles/a", "organizations/1/roles/a"); err != nil {
		t.Errorf("outside of projects: %v", err)
	}
	if err := About("projects/1", "projects/demo-project"); err != nil {
		t.Errorf("a project by its number and its id: %v", err)
	}
	if About("projects/1", "projects/2") == nil || About("projects/a", "organizations/a") == nil {
		t.Error("another project counts")
	}
}
