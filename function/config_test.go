package function

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named finds the variables that a row of a table is about: NAME, or several at
// once as PREFIX_{A,B}.
var named = regexp.MustCompile("`([A-Z][A-Z_]+)(?:\\{([A-Z_,]*)\\}([A-Z_]*))?`")

func TestTheReadmeNamesTheVariablesThatAreRead(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| variable | meaning |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var got []string
	for row := range strings.Lines(table) {
		for _, m := range named.FindAllStringSubmatch(strings.Split(row, "|")[1], -1) {
			for _, each := range strings.Split(m[2], ",") {
				got = append(got, m[1]+each+m[3])
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(Variables(), got); diff != "" {
		t.Errorf("(-code +README):\n%s", diff)
	}
}
