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
	var stories strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stories.Write(text)
	}
	for _, verdict := range doctor.Verdicts() {
		if !strings.Contains(stories.String(), "\n  - "+string(verdict)+": ") {
			t.Errorf("no story ends in %s", verdict)
		}
	}
}
