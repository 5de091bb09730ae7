package event

import (
	"regexp"
	"strings"
	"testing"
)

func TestTheFiltersClausesActOnTheMethodsThatTheTableActsOn(t *testing.T) {
	collections := map[string]bool{"": true, "Jobs": true, "instances": true}
	verbs := map[string]bool{"": true, "Xyz": true, "xyz": true}
	for _, row := range methods {
		for _, pattern := range row.Methods {
			_, collection, verb := parts(pattern)
			verb = strings.TrimSuffix(verb, "*")
			collections[strings.TrimSuffix(collection, "*")] = true
			for _, one := range []string{verb, verb + "Xyz", strings.ToLower(verb), "X" + verb} {
				verbs[one] = true
			}
		}
	}
	compared, acted := 0, 0
	for _, service := range auditedServices() {
		made := compile(clauses(byService[service]))
		for collection := range collections {
			for verb := range verbs {
				for _, shape := range []string{"C.V", "a.v1.C.V", "/C.V", "/a.C.V", "V", "/V", "a/C.V", ".C.V", "C.V.V", "aC.V", "//C.V"} {
					method := strings.NewReplacer("C", collection, "V", verb).Replace(shape)
					row, known := lookUp(service, method)
					want := known && row.Ignored == ""
					if got := inClauses(made, method, conditions[row.Kind]); got != want && method != "" {
						t.Errorf("%s of %s: in the filter %t, want %t", method, service, got, want)
					}
					if compared++; want {
						acted++
					}
				}
			}
		}
	}
	if acted < 500 || acted > compared/2 {
		t.Errorf("%d of %d methods act: this test compares too little", acted, compared)
	}
}

// inClauses says whether clauses let a method through on its row's condition:
// without one any clause may, and with one no clause may on another.
func inClauses(made []compiled, method, only string) bool {
	found := false
	for _, one := range made {
		if !one.acts.MatchString(method) || one.but != nil && one.but.MatchString(method) {
			continue
		}
		if only != "" && one.only != only {
			return false
		}
		found = found || one.only == only
	}
	return found
}

type compiled struct {
	acts, but *regexp.Regexp
	only      string
}

func compile(made []clause) (all []compiled) {
	for _, one := range made {
		each := compiled{acts: regexp.MustCompile(expression(one.acts)), only: one.only}
		if len(one.but) > 0 {
			each.but = regexp.MustCompile(expression(one.but))
		}
		all = append(all, each)
	}
	return all
}

func TestFirstMatchSurvivesInClauses(t *testing.T) {
	act, ignore, ready := BackendServiceChanged, ReadCall, RunServiceReady
	for _, tc := range []struct {
		name    string
		rows    []Row
		acts    []string
		ignores []string
		clauses int
	}{
		{"an exception before", []Row{{Methods: []string{"A.get*"}, Ignored: ignore}, {Methods: []string{"A.*"}, Kind: act}}, []string{"A.put"}, []string{"A.get", "B.put"}, 1},
		{"an exception behind is none", []Row{{Methods: []string{"A.*"}, Kind: act}, {Methods: []string{"A.get*"}, Ignored: ignore}}, []string{"A.put", "A.get"}, nil, 1},
		{"an exception in between is one for what follows alone", []Row{
			{Methods: []string{"A.getAll"}, Kind: act}, {Methods: []string{"get*"}, Ignored: ignore}, {Methods: []string{"A.*"}, Kind: act},
		}, []string{"A.getAll", "A.put"}, []string{"A.getOne", "getAll"}, 2},
		{"a condition before holds", []Row{{Methods: []string{"A.up*"}, Kind: ready}, {Methods: []string{"A.*"}, Kind: act}}, []string{"A.put", "A.upset"}, nil, 2},
	} {
		made := compile(clauses(tc.rows))
		if len(made) != tc.clauses {
			t.Errorf("%s: %d clauses, want %d: %+v", tc.name, len(made), tc.clauses, made)
		}
		kind := func(method string) string {
			if tc.rows[0].Kind == ready && strings.HasPrefix(method, "A.up") {
				return conditions[ready]
			}
			return ""
		}
		for _, method := range tc.acts {
			if !inClauses(made, method, kind(method)) {
				t.Errorf("%s: %s is not in %+v", tc.name, method, made)
			}
		}
		for _, method := range tc.ignores {
			if inClauses(made, method, "") {
				t.Errorf("%s: %s is in %+v", tc.name, method, made)
			}
		}
	}
}
