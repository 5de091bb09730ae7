package parser

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommandsOfAPageAreFound(t *testing.T) {
	const page = "Type `gcloud run services list --project=P`, or\n" +
		"`printf 'x: 1\n' | gcloud secrets versions add s --data-file=-`;\n" +
		"not `gcloud run deploy …`, `iapguard` or gcloud itself.\n" +
		"```sh\n# gcloud auth login\n" +
		"id=$(gcloud projects describe \"it's $p\" \\\n  --format='value(x y)') && gcloud config list a\\ b $more\n```\n" +
		"```hcl\ngcloud = \"run\"\n```\n"
	want := [][]string{
		{"projects", "describe", "it's value", "--format=value(x y)"},
		{"config", "list", "a b"},
		{"run", "services", "list", "--project=value-1"},
		{"secrets", "versions", "add", "s", "--data-file=-"},
	}
	lines, err := Commands(page)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, line := range lines {
		got = append(got, line.Arguments)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := Commands("```sh\ngcloud 'run\n```\n"); err == nil {
		t.Error("an open quote is no error")
	}
}
