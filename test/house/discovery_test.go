package house

import (
	"go/ast"
	"strings"
	"testing"
)

// clouds are the functions that start a local cloud, and the field of their
// options through which its calls are held against Google's documents.
var clouds = map[string]string{"localcloud.New": "Discovery", "playground.Start": "Discovery", "apiserver.New": "Observe"}

// pretended are tests that serve an API that Google does not have.
var pretended = map[string]string{
	"internal/localcloud/collection": "its kinds show what the engine can do, at once or with operations",
}

func TestTheCallsOfEveryLocalCloudInTestsAreChecked(t *testing.T) {
	started := 0
	for _, s := range sources(t) {
		if !s.test && !within(s.folder, "test") || pretended[s.folder] != "" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			field := clouds[calledName(call)]
			if field == "" {
				return true
			}
			started++
			if literal, ok := call.Args[len(call.Args)-1].(*ast.CompositeLit); ok && !hasField(literal, field) {
				t.Errorf("%s starts a local cloud without %s: discovery.Judge(t) fails the test for what is not Google's",
					s.path, field)
			}
			return true
		})
	}
	if started < 20 {
		t.Errorf("%d local clouds are started in tests, which is too few to be all", started)
	}
}

// calledName is the package and name of a called function: "localcloud.New".
func calledName(call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return pkg.Name + "." + selector.Sel.Name
}

func hasField(literal *ast.CompositeLit, name string) bool {
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, name) {
				return true
			}
		}
	}
	return false
}
