package belief

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var name = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

func TestEachNameTurnsOneSwitchOn(t *testing.T) {
	fields := reflect.TypeFor[Beliefs]().NumField()
	if len(all) != fields {
		t.Errorf("%d names for %d switches", len(all), fields)
	}
	seen := map[Beliefs]string{}
	for _, each := range All() {
		on, err := Of(each.Name)
		if err != nil || !name.MatchString(each.Name) || each.Alternative == "" {
			t.Errorf("%q: %v, with the alternative %q", each.Name, err, each.Alternative)
		}
		if other := seen[on]; other != "" {
			t.Errorf("%s and %s turn the same switch on", each.Name, other)
		}
		seen[on] = each.Name
		if got := count(on); got != 1 {
			t.Errorf("%s turns %d switches on", each.Name, got)
		}
	}
	if every, err := Of(Names()...); err != nil || every != Otherwise() || count(every) != fields {
		t.Errorf("all names turn on %+v, %v", every, err)
	}
	if got, err := Of(); err != nil || got != (Beliefs{}) {
		t.Errorf("no name turns on %+v, %v", got, err)
	}
}

// count returns how many switches are on.
func count(b Beliefs) int {
	on, fields := 0, reflect.ValueOf(b)
	for i := range fields.NumField() {
		if fields.Field(i).Bool() {
			on++
		}
	}
	return on
}

func TestAWrongNameIsRefusedWithTheList(t *testing.T) {
	_, err := Of("keep-tag-urls", "KeepTagURLs")
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), `"KeepTagURLs"`) {
		t.Fatalf("%v, want one line that quotes the name", err)
	}
	for _, known := range Names() {
		if !strings.Contains(err.Error(), known) {
			t.Errorf("%v does not list %s", err, known)
		}
	}
}

// UNVERIFIED.md has a row for each switch, with its name in the column switch; README.md
// lists them all.
func TestEachSwitchIsDocumented(t *testing.T) {
	switches := map[string]bool{}
	for line := range strings.Lines(read(t, "../UNVERIFIED.md")) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) == 5 && strings.HasPrefix(cells[4], "`") {
			switches[strings.Trim(cells[4], "` |")] = true
		}
	}
	readme := read(t, "../README.md")
	for _, each := range All() {
		if !switches[each.Name] {
			t.Errorf("no row of UNVERIFIED.md has the switch %s", each.Name)
		}
		if !strings.Contains(readme, "| `"+each.Name+"` | "+each.Alternative+" |\n") {
			t.Errorf("README.md does not say of %s: %s", each.Name, each.Alternative)
		}
		delete(switches, each.Name)
	}
	for extra := range switches {
		t.Errorf("UNVERIFIED.md has the switch %s, which does not exist", extra)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
