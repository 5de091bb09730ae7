package posture

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

// What Google documents, as regular expressions.
var grammars = []struct {
	name    string
	valid   func(string) bool
	grammar *regexp.Regexp
}{
	{"project", ValidProject, regexp.MustCompile(`^(([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+:)?` +
		`[a-z][a-z0-9-]{4,28}[a-z0-9]|[1-9][0-9]{0,18})$`)},
	{"project number", ValidProjectNumber, regexp.MustCompile(`^[1-9][0-9]{0,18}$`)},
	{"location", ValidLocation, regexp.MustCompile(`^(global|[a-z]{2,20}(-[a-z]{2,20}){1,2}[0-9]{1,2})$`)},
	{"service", ValidService, regexp.MustCompile(`^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$`)},
	{"compute", ValidCompute, regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)},
	{"compute id", ValidComputeID, regexp.MustCompile(`^[1-9][0-9]{0,19}$`)},
}

// pieces make names that are nearly right.
var pieces = []string{"a", "z", "0", "1", "9", "-", ".", ":", "A", "_", "%2F", "/", " ", "\n", "é", "\x00", "us",
	"central", "europe-west", "global", "my-project", "example.com:", "12345678901234567890", "abcdefghijklmnopqrstuvwxyz"}

func TestNamesAreThoseOfTheGrammars(t *testing.T) {
	random := rand.New(rand.NewPCG(20, 26))
	right := map[string]int{}
	for range 300_000 {
		name := ""
		for range random.IntN(7) {
			piece := pieces[random.IntN(len(pieces))]
			if random.IntN(3) > 0 {
				piece = pieces[random.IntN(6)]
			}
			name += piece
		}
		for _, each := range grammars {
			want := each.grammar.MatchString(name)
			if want {
				right[each.name]++
			}
			if got := each.valid(name); got != want {
				t.Fatalf("%s %q: %t, want %t", each.name, name, got, want)
			}
		}
	}
	for _, each := range grammars {
		if right[each.name] < 100 {
			t.Errorf("only %d names were a valid %s", right[each.name], each.name)
		}
	}
}
