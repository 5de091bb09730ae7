package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/fixture"
)

// fenced finds the YAML that a page shows.
var fenced = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// schemaLine is the first line of a file for which editors know the keys.
var schemaLine = regexp.MustCompile(`^# yaml-language-server: \$schema=(\S+)\n`)

var shownAt = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestEveryPolicyAndHoldOfAPageIsValid(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, each := range all {
		last := "" // the last policy of the page, which fixtures are about
		for _, block := range fenced.FindAllStringSubmatch(each.text, -1) {
			file, schema := block[1], ""
			switch {
			case strings.Contains(file, "\nrules:"):
				last, schema = file, "policy.schema.json"
				_, err = policy.Parse([]byte(file), shownAt)
			case strings.Contains(file, "\nfixtures:"):
				schema = "fixtures.schema.json"
				err = nil
				passes(t, last, file)
			case strings.Contains(file, "\nholds:"):
				_, err = policy.ParseHolds([]byte(file))
			default:
				continue
			}
			shown++
			if err != nil {
				t.Errorf("%s shows a file that is not valid: %v\n%s", each.path, err, file)
			}
			if named := schemaLine.FindStringSubmatch(file); schema != "" && (named == nil || named[1] != schema) {
				t.Errorf("%s shows a file that does not begin with # yaml-language-server: $schema=%s\n%s", each.path, schema, file)
			}
		}
	}
	if shown < 4 {
		t.Errorf("only %d policies and holds were found on %d pages", shown, len(all))
	}
}

// passes runs fixtures against a policy.
func passes(t *testing.T, rules, fixtures string) {
	t.Helper()
	parsed, err := policy.Parse([]byte(rules), shownAt)
	if err != nil {
		t.Errorf("the policy before the fixtures: %v", err)
	}
	name := filepath.Join(t.TempDir(), "fixtures.yaml")
	if err := os.WriteFile(name, []byte(fixtures), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := fixture.Read(name)
	if err != nil || len(read) == 0 {
		t.Errorf("%d fixtures, %v:\n%s", len(read), err, fixtures)
	}
	for _, each := range read {
		if result := each.Check(parsed, shownAt); len(result.Differences) > 0 {
			t.Errorf("fixture %q: %+v", each.Name, result)
		}
	}
}

func TestEverySampleOfDeployNamesItsSchemaAndIsValid(t *testing.T) {
	samples := 0
	err := filepath.WalkDir(filepath.Join(root, "deploy"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		want := "policy.json"
		switch {
		case strings.Contains(string(text), "\nversion: 1\nfixtures:\n"):
			want = "fixtures.json"
			rules, err := os.ReadFile(strings.Replace(path, ".fixtures", "", 1))
			if err != nil {
				return err
			}
			passes(t, string(rules), string(text))
		case strings.Contains(string(text), "\nrules:\n"):
			if _, err := policy.Parse(text, shownAt); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		default:
			return nil
		}
		samples++
		named := schemaLine.FindStringSubmatch(string(text))
		if named == nil {
			t.Errorf("%s does not begin with # yaml-language-server: $schema=…/internal/policy/schema/%s", path, want)
			return nil
		}
		schema := filepath.Join(filepath.Dir(path), named[1])
		if _, err := os.Stat(schema); err != nil || schema != filepath.Join(root, "internal", "policy", "schema", want) {
			t.Errorf("%s names the schema %s: %v", path, schema, err)
		}
		return nil
	})
	if err != nil || samples < 3 {
		t.Errorf("%d samples, %v", samples, err)
	}
}
