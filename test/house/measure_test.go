package house

import (
	"path/filepath"
	"testing"
)

// The limits of a package, a function and a line.
const (
	maxExported   = 60  // names a package
	maxParameters = 4   // a function
	maxWidth      = 120 // characters, of 99 lines in 100
)

// routeRow is the reason of the functions that make one route of the local cloud.
const routeRow = "one row of a table: verb, path, method, permission, handler"

// manyParameters are the functions that have more than maxParameters, each with
// its reason.
var manyParameters = map[string]string{
	"internal/localcloud/apiserver: failure":           "formats like fmt.Errorf, behind the three codes of an error",
	"internal/localcloud/delivery: inflight.intercept": "grpc.UnaryClientInterceptor gives the signature",
	"internal/localcloud/run: route":                   routeRow,
}

func measured(t *testing.T) (code, tests []Measures) {
	t.Helper()
	code, tests, err := Measure(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(code) < 40 || len(tests) < 30 {
		t.Fatalf("%d packages with code and %d with tests: this test looks in the wrong place", len(code), len(tests))
	}
	return code, tests
}

func TestPackagesExportFewNames(t *testing.T) {
	code, _ := measured(t)
	for _, one := range code {
		if len(one.Exported) > maxExported && !within(one.Package, "internal/localcloud") {
			t.Errorf("%s exports %d names, want at most %d", one.Package, len(one.Exported), maxExported)
		}
	}
}

func TestFunctionsHaveFewParameters(t *testing.T) {
	code, _ := measured(t)
	needed := map[string]bool{}
	for _, one := range code {
		for _, function := range one.ManyParameters(maxParameters) {
			name := one.Package + ": " + function.Name
			needed[name] = true
			if manyParameters[name] == "" {
				t.Errorf("%s: %s has %d parameters, want at most %d, or a reason in manyParameters",
					function.File, function.Name, function.Parameters, maxParameters)
			}
		}
	}
	for name := range manyParameters {
		if !needed[name] {
			t.Errorf("%s has at most %d parameters, or is gone: remove it from manyParameters", name, maxParameters)
		}
	}
}

func TestLinesAreShort(t *testing.T) {
	code, tests := measured(t)
	for kind, all := range map[string][]Measures{"code": code, "tests": tests} {
		for _, one := range append(all, Sum("all packages", all)) {
			// The inside of the local cloud is not revised yet.
			if got := one.Width(0.99); got > maxWidth && !within(one.Package, "internal/localcloud") {
				t.Errorf("%s, %s: one line in 100 is wider than %d characters: %d", one.Package, kind, maxWidth, got)
			}
		}
	}
}
