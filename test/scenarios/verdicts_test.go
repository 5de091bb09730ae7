package scenarios

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/doctor"
)

func TestEveryVerdictHasAStory(t *testing.T) {
	paths, err := filepath.Glob("doctor/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		told.Write(text)
	}
	for _, verdict := range doctor.Verdicts() {
		if !strings.Contains(told.String(), "\n  - "+string(verdict)+": ") {
			t.Errorf("no story ends in %s", verdict)
		}
	}
}
