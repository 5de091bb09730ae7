package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
)

// fenced finds the YAML that a page shows.
var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestEveryPolicyAndEveryHoldThatAPageShowsCanBeRead(t *testing.T) {
	pages := []string{readme}
	for _, pattern := range []string{"../../deploy/*.md", "../../deploy/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	shown := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fenced.FindAllStringSubmatch(string(text), -1) {
			file := block[1]
			switch {
			case strings.Contains(file, "\nrules:"):
				_, err = policy.Parse([]byte(file), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
			case strings.Contains(file, "\nholds:"):
				_, err = policy.ParseHolds([]byte(file))
			default:
				continue
			}
			shown++
			if err != nil {
				t.Errorf("%s shows what cannot be read: %v\n%s", page, err, file)
			}
		}
	}
	if shown < 3 {
		t.Errorf("%d policies and holds found on %d pages: this test looks in the wrong place", shown, len(pages))
	}
}
