package gcloud

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/test/gcloud/parser"
)

// array is a list of arguments that a script keeps in a variable.
var array = regexp.MustCompile(`(?m)^\s*([a-z]+)=\((.*)\)$`)

// scripts are those of cloudbuild.yaml and of GitHub's workflow, by file and step.
func scripts(t *testing.T) (scripts []script) {
	t.Helper()
	for _, file := range []string{"cloudbuild.yaml", "deploy/github/iapguard-deploy.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		type step struct{ ID, Script, Run string }
		var read struct {
			Steps []step
			Jobs  map[string]struct{ Steps []step }
		}
		if err := yaml.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		for _, each := range slices.Concat(read.Steps, read.Jobs["deploy"].Steps) {
			scripts = append(scripts, script{file + ", step " + each.ID, each.Script + each.Run})
		}
	}
	return scripts
}

type script struct{ place, text string }

// What cloudbuild.yaml and the workflow run of gcloud, gcloud takes.
func TestGcloudTakesEveryCommandOfTheBuild(t *testing.T) {
	t.Parallel()
	given := strings.NewReplacer("$PROJECT_ID", "my-project", "$_REGION", "europe-west1", "$_SERVICE", "iapguard")
	var lines []parser.Line
	var places []string
	for _, step := range scripts(t) {
		script := given.Replace(step.text)
		for _, found := range array.FindAllStringSubmatch(script, -1) {
			script = strings.ReplaceAll(script, `"${`+found[1]+`[@]}"`, found[2])
		}
		commands, err := parser.Commands("```sh\n" + script + "\n```\n")
		if err != nil {
			t.Errorf("%s: %v", step.place, err)
		}
		for _, line := range commands {
			lines, places = append(lines, line), append(places, step.place)
		}
	}
	if len(lines) < 30 {
		t.Errorf("only %d commands found: this test looks in the wrong place", len(lines))
	}
	var commands [][]string
	for _, line := range lines {
		commands = append(commands, line.Arguments)
	}
	for i, refusal := range parser.Refusals(t, commands) {
		if refusal != "" {
			t.Errorf("%s: gcloud refuses %s\n%s", places[i], lines[i].Text, refusal)
		}
	}
}
