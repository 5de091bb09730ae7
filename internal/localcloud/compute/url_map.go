package compute

import (
	"fmt"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// urlMapReferences are all the places where a URL map names a backend service.
var urlMapReferences = []string{
	"defaultService",
	"defaultRouteAction.weightedBackendServices[].backendService",
	"pathMatchers[].defaultService",
	"pathMatchers[].defaultRouteAction.weightedBackendServices[].backendService",
	"pathMatchers[].pathRules[].service",
	"pathMatchers[].pathRules[].routeAction.weightedBackendServices[].backendService",
	"pathMatchers[].routeRules[].service",
	"pathMatchers[].routeRules[].routeAction.weightedBackendServices[].backendService",
	"tests[].service",
	"defaultRouteAction.requestMirrorPolicy.backendService",
	"pathMatchers[].defaultRouteAction.requestMirrorPolicy.backendService",
	"pathMatchers[].pathRules[].routeAction.requestMirrorPolicy.backendService",
	"pathMatchers[].routeRules[].routeAction.requestMirrorPolicy.backendService",
}

// fillURLMap adds the zeros that Google answers in a retry policy's timeout and
// in tests (recorded).
func fillURLMap(value any) {
	switch value := value.(type) {
	case []any:
		for _, each := range value {
			fillURLMap(each)
		}
	case map[string]any:
		if timeout := apiserver.Object(value, "perTryTimeout"); timeout != nil && timeout["nanos"] == nil {
			timeout["nanos"] = number("0")
		}
		for _, each := range apiserver.List(value, "tests") {
			if test, ok := each.(map[string]any); ok && test["description"] == nil {
				test["description"] = ""
			}
		}
		for _, each := range value {
			fillURLMap(each)
		}
	}
}

// settleURLMap wants a default, and a path matcher for every host rule. The
// texts are unverified.
func settleURLMap(_ *API, r, _ *resource) error {
	fillURLMap(r.body)
	if r.body["defaultService"] == nil && r.body["defaultUrlRedirect"] == nil && r.body["defaultRouteAction"] == nil {
		return required("resource.defaultService")
	}
	matchers := map[string]bool{}
	for _, entry := range apiserver.List(r.body, "pathMatchers") {
		matcher, _ := entry.(map[string]any)
		matchers[apiserver.Text(matcher, "name")] = true
	}
	for i, entry := range apiserver.List(r.body, "hostRules") {
		rule, _ := entry.(map[string]any)
		if name := apiserver.Text(rule, "pathMatcher"); !matchers[name] {
			return invalidField(fmt.Sprintf("resource.hostRules[%d].pathMatcher", i), name, "The path matcher does not exist.")
		}
	}
	return nil
}
