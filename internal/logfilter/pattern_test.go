package logfilter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
)

// namesInTable are the collections and verbs of the table's patterns, with verbs
// that resemble them and some that no pattern has.
func namesInTable() (collections, verbs []string) {
	collections, verbs = []string{"", "Jobs", "instances"}, []string{"", "Xyz", "xyz"}
	for _, row := range event.Understood() {
		for _, pattern := range row.Methods {
			_, collection, verb := parts(pattern)
			verb = strings.TrimSuffix(verb, "*")
			collections = append(collections, strings.TrimSuffix(collection, "*"))
			verbs = append(verbs, verb, verb+"Xyz", strings.ToLower(verb), "X"+verb)
		}
	}
	slices.Sort(collections)
	slices.Sort(verbs)
	return slices.Compact(collections), slices.Compact(verbs)
}

func TestClausesSelectTheMethodsThatTheTableActsOn(t *testing.T) {
	shapes := []string{"C.V", "a.v1.C.V", "/C.V", "/a.C.V", "V", "/V", "a/C.V", ".C.V", "C.V.V", "aC.V", "//C.V"}
	collections, verbs := namesInTable()
	compared, acted := 0, 0
	for _, service := range actingServices() {
		made := compile(clauses(rowsByService[service]))
		for _, collection := range collections {
			for _, verb := range verbs {
				for _, shape := range shapes {
					method := strings.NewReplacer("C", collection, "V", verb).Replace(shape)
					row, known := event.Lookup(service, method)
					want := known && row.Ignored == ""
					if got := selects(made, method, conditions[row.Kind]); got != want && method != "" {
						t.Errorf("%s of %s: selected %t, want %t", method, service, got, want)
					}
					if compared++; want {
						acted++
					}
				}
			}
		}
	}
	if acted < 500 || acted > compared/2 {
		t.Errorf("the table acts on %d of %d methods: this test compares too little", acted, compared)
	}
}

// selects reports whether clauses select a method under its row's condition. A
// method without a condition may be selected by any clause without one; a method
// with a condition must not be selected under another.
func selects(made []compiled, method, condition string) bool {
	found := false
	for _, one := range made {
		if !one.acts.MatchString(method) || one.except != nil && one.except.MatchString(method) {
			continue
		}
		if condition != "" && one.condition != condition {
			return false
		}
		found = found || one.condition == condition
	}
	return found
}

// compiled is a clause with its regular expressions ready to use.
type compiled struct {
	acts, except *regexp.Regexp
	condition    string
}

func compile(made []clause) (all []compiled) {
	for _, one := range made {
		each := compiled{acts: regexp.MustCompile(expression(one.acts)), condition: one.condition}
		if len(one.except) > 0 {
			each.except = regexp.MustCompile(expression(one.except))
		}
		all = append(all, each)
	}
	return all
}

func TestClausesKeepTheOrderOfRows(t *testing.T) {
	acts := func(pattern string) event.Row {
		return event.Row{Methods: []string{pattern}, Kind: event.BackendServiceChanged}
	}
	reads := func(pattern string) event.Row {
		return event.Row{Methods: []string{pattern}, Ignored: event.ReadCall}
	}
	conditional := event.Row{Methods: []string{"A.up*"}, Kind: event.RunServiceReady}
	for _, tc := range []struct {
		name     string
		rows     []event.Row
		selected []string
		left     []string
		clauses  int
	}{
		{"an earlier exception", []event.Row{reads("A.get*"), acts("A.*")}, []string{"A.put"}, []string{"A.get", "B.put"}, 1},
		{"a later exception", []event.Row{acts("A.*"), reads("A.get*")}, []string{"A.put", "A.get"}, nil, 1},
		{"an exception in between", []event.Row{acts("A.getAll"), reads("get*"), acts("A.*")},
			[]string{"A.getAll", "A.put"}, []string{"A.getOne", "getAll"}, 2},
		{"an earlier condition", []event.Row{conditional, acts("A.*")}, []string{"A.put", "A.upset"}, nil, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			made := compile(clauses(tc.rows))
			if len(made) != tc.clauses {
				t.Errorf("%d clauses, want %d: %+v", len(made), tc.clauses, made)
			}
			condition := func(method string) string {
				if tc.rows[0].Kind == conditional.Kind && strings.HasPrefix(method, "A.up") {
					return conditions[conditional.Kind]
				}
				return ""
			}
			for _, method := range tc.selected {
				if !selects(made, method, condition(method)) {
					t.Errorf("%s is not selected by %+v", method, made)
				}
			}
			for _, method := range tc.left {
				if selects(made, method, "") {
					t.Errorf("%s is selected by %+v", method, made)
				}
			}
		})
	}
}

func TestLiteralsMatchThemselvesAlone(t *testing.T) {
	for _, text := range []string{"roles/run.invoker", event.IAPAgentSuffix, "a+b"} {
		expression := regexp.MustCompile("^" + literal(text) + "$")
		other := strings.NewReplacer(".", "x", "+", "").Replace(text)
		got := fmt.Sprint(expression.MatchString(text), expression.MatchString(other))
		if diff := cmp.Diff("true false", got); diff != "" {
			t.Errorf("%s matches itself, and %s (-want +got):\n%s", text, other, diff)
		}
	}
}
