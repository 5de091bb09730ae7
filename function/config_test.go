package function

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheReadmeNamesTheVariablesThatAreRead(t *testing.T) {
	want := slices.Clone(variables)
	for name := range endpointVariables {
		want = append(want, name)
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| variable | meaning |")
	table, _, _ = strings.Cut(table, "\n\n")
	var got []string
	for _, m := range regexp.MustCompile("`"+prefix+"([A-Z_]+)(?:\\{([A-Z,]+)\\})?`").FindAllStringSubmatch(table, -1) {
		for _, each := range strings.Split(m[2], ",") {
			got = append(got, m[1]+each)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-code +README):\n%s", diff)
	}
}
