// Package condition evaluates the conditions of IAM bindings, which are
// written in the Common Expression Language.
package condition

import (
	"sync"
	"time"

	"cel.dev/cel-go/cel"
)

// Attributes are what a condition can ask about
// (iam/docs/conditions-attribute-reference). What a request does not have is
// empty, and compares as such.
type Attributes struct {
	Time time.Time // request.time
	// Path and Host are request.path and request.host, which only IAP offers.
	Path, Host string
	// Resource is resource.name, without the API's host.
	Resource string
}

// environment declares the attributes, as maps, so that one that does not
// exist fails when it is evaluated.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	attributes := cel.MapType(cel.StringType, cel.DynType)
	return cel.NewEnv(cel.Variable("request", attributes), cel.Variable("resource", attributes))
})

// Holds reports whether an expression is true of a request. One that cannot be
// read, is not a boolean or asks about attributes that are not offered here (access
// levels, tags) is not: it then admits nobody (unverified for
// attributes; documented for errors: iam/docs/conditions-overview).
func Holds(expression string, of Attributes) bool {
	declared, err := environment()
	if err != nil {
		return false
	}
	checked, issues := declared.Compile(expression)
	if issues.Err() != nil {
		return false
	}
	program, err := declared.Program(checked)
	if err != nil {
		return false
	}
	result, _, err := program.Eval(map[string]any{
		"request":  map[string]any{"time": of.Time, "path": of.Path, "host": of.Host},
		"resource": map[string]any{"name": of.Resource},
	})
	return err == nil && result.Value() == true
}
