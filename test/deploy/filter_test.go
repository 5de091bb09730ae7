package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/logfilter"
)

// With UPDATE=1 in the environment the test writes the files instead.
func TestFilterFilesAreWhatTheTableSays(t *testing.T) {
	for file, want := range map[string]string{"events.filter": logfilter.Events(),
		"requests.filter": logfilter.Requests()} {
		path := filepath.Join("..", "..", "deploy", "filters", file)
		if os.Getenv("UPDATE") == "1" {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		shipped, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(shipped)); diff != "" {
			t.Errorf("deploy/filters/%s (-table +file); UPDATE=1 go test ./test/deploy -run Filter writes it:\n%s", file, diff)
		}
	}
}
