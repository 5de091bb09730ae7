package gcloud

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/test/gcloud/parser"
)

// array is a list of arguments that a script keeps in a variable.
var array = regexp.MustCompile(`(?m)^\s*([a-z]+)=\((.*)\)$`)

// What cloudbuild.yaml runs of gcloud, gcloud takes.
func TestGcloudTakesEveryCommandOfTheBuild(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "cloudbuild.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var build struct {
		Steps []struct{ ID, Script string }
	}
	if err := yaml.Unmarshal(text, &build); err != nil {
		t.Fatal(err)
	}
	given := strings.NewReplacer("$PROJECT_ID", "my-project", "$_REGION", "europe-west1", "$_SERVICE", "iapguard")
	var lines []parser.Line
	var places []string
	for _, step := range build.Steps {
		script := given.Replace(step.Script)
		for _, found := range array.FindAllStringSubmatch(script, -1) {
			script = strings.ReplaceAll(script, `"${`+found[1]+`[@]}"`, found[2])
		}
		commands, err := parser.Commands("```sh\n" + script + "\n```\n")
		if err != nil {
			t.Errorf("%s: %v", step.ID, err)
		}
		for _, line := range commands {
			lines, places = append(lines, line), append(places, step.ID)
		}
	}
	if len(lines) < 14 {
		t.Errorf("only %d commands found: this test looks in the wrong place", len(lines))
	}
	var commands [][]string
	for _, line := range lines {
		commands = append(commands, line.Arguments)
	}
	for i, refusal := range parser.Refusals(t, commands) {
		if refusal != "" {
			t.Errorf("step %s: gcloud refuses %s\n%s", places[i], lines[i].Text, refusal)
		}
	}
}
