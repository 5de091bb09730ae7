package function

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named finds the names that a row of a table is about. Some of them stand for
// several: OF_{A,B}_THE_{C,D}.
var (
	named   = regexp.MustCompile("`([A-Z][A-Z_{},]+)`")
	several = regexp.MustCompile(`\{([A-Z_,]*)\}`)
)

// meant are the names that one stands for.
func meant(name string) []string {
	at := several.FindStringSubmatchIndex(name)
	if at == nil {
		return []string{name}
	}
	var names []string
	for each := range strings.SplitSeq(name[at[2]:at[3]], ",") {
		names = append(names, meant(name[:at[0]]+each+name[at[1]:])...)
	}
	return names
}

func TestEveryVariableIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../deploy/docs/reference/environment.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| variable | meaning |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var got []string
	for row := range strings.Lines(table) {
		for _, m := range named.FindAllStringSubmatch(strings.Split(row, "|")[1], -1) {
			got = append(got, meant(m[1])...)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(Variables(), got); diff != "" {
		t.Errorf("(-code +environment.md):\n%s", diff)
	}
}
