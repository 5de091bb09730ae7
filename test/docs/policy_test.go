package docs

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
)

// fenced finds the YAML that a page shows.
var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestEveryPolicyAndHoldOfAPageIsValid(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, each := range all {
		for _, block := range fenced.FindAllStringSubmatch(each.text, -1) {
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
				t.Errorf("%s shows a file that is not valid: %v\n%s", each.path, err, file)
			}
		}
	}
	if shown < 3 {
		t.Errorf("only %d policies and holds were found on %d pages", shown, len(all))
	}
}
