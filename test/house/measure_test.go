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

// The reasons that several functions have in common.
const (
	routeRow = "one row of a table: verb, path, method, permission, handler"
	ruling   = "one entry of a table of judges, which all get the same facts on a caller"
	typed    = "context and output of a command, beside what was typed"
	bound    = "one binding, and the version that it replaces"
	inputs   = "the separate inputs of a pure function"
	record   = "the test and the store, beside one record"
)

// manyParameters are the functions that have more than maxParameters, each with
// its reason.
var manyParameters = map[string]string{
	"function/cmd/iapguard: auditAll":                  typed,
	"function/cmd/iapguard: diagnose":                  typed,
	"internal/caller: judgeIngress":                    ruling,
	"internal/caller: judgeInvokers":                   ruling,
	"internal/caller: judgeIAP":                        ruling,
	"internal/caller: judgeDirectIAP":                  ruling,
	"internal/caller: throughIAP":                      ruling,
	"internal/cloud/iap: Client.Grant":                 bound,
	"internal/cloud/iap: Client.Withdraw":              bound,
	"internal/decide: limitOf":                         inputs,
	"internal/decide: Failed":                          inputs,
	"internal/decide: WithAnswers":                     inputs,
	"internal/localcloud/apiserver: failure":           "formats like fmt.Errorf, behind the three codes of an error",
	"internal/localcloud/compute: routeMaker.add":      routeRow,
	"internal/localcloud/delivery: inflight.intercept": "grpc.UnaryClientInterceptor gives the signature",
	"internal/localcloud/pubsub: route":                routeRow,
	"internal/localcloud/run: route":                   routeRow,
	"internal/localcloud/scheduler: route":             routeRow,
	"internal/localcloud/secretmanager: api.route":     routeRow,
	"internal/localcloud/storage: route":               routeRow,
	"internal/memory/conformance: put":                 record,
	"internal/memory/conformance: holds":               record,
	"internal/protection: recipeChange":                "the fields of one finding",
	"internal/telemetry: Start":                        "wiring: configuration, identity, client and log of the process",
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
	for _, one := range code {
		for _, function := range one.ManyParameters(maxParameters) {
			name := one.Package + ": " + function.Name
			if manyParameters[name] == "" {
				t.Errorf("%s: %s has %d parameters, want at most %d, or a reason in manyParameters",
					function.File, function.Name, function.Parameters, maxParameters)
			}
		}
	}
}

func TestLinesAreShort(t *testing.T) {
	code, _ := measured(t)
	if got := Sum("code", code).Width(0.99); got > maxWidth {
		t.Errorf("one line in 100 of the code is wider than %d characters, want at most %d", got, maxWidth)
	}
}
