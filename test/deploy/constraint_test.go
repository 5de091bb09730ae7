package deploy_test

import (
	"testing"

	"cel.dev/cel-go/cel"
)

// annotated is a service as version 1 of Cloud Run's API shows it, with annotations without
// their prefix.
func annotated(annotations map[string]any) map[string]any {
	prefixed := map[string]any{}
	for name, value := range annotations {
		prefixed["run.googleapis.com/"+name] = value
	}
	return map[string]any{"metadata": map[string]any{"annotations": prefixed}}
}

// The condition of the constraint is evaluated as Google documents it: true is refused.
func TestTheConstraintDemandsIAPWhereTheInternetGetsIn(t *testing.T) {
	all := resourcesOf(t, map[string]any{"preventive": []any{"iap"}, "organization_id": "12"})
	constraints := resources(all).of("google_org_policy_custom_constraint")
	if len(constraints) != 1 {
		t.Fatalf("%d constraints, want one", len(constraints))
	}
	if action := constraints[0].Text("action_type"); action != "DENY" {
		t.Fatalf("the action is %s", action)
	}
	environment, err := cel.NewEnv(cel.Variable("resource", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	condition := constraints[0].Text("condition")
	if len(condition) > 1000 {
		t.Errorf("the condition has %d characters, and Google takes 1000", len(condition))
	}
	checked, problems := environment.Compile(condition)
	if problems.Err() != nil {
		t.Fatal(problems.Err())
	}
	program, err := environment.Program(checked)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name        string
		annotations map[string]any
		refused     bool
	}{
		{"nothing is said", nil, true},
		{"open to all", map[string]any{"ingress": "all"}, true},
		{"open to all, IAP off", map[string]any{"ingress": "all", "iap-enabled": "false"}, true},
		{"open to all, IAP on", map[string]any{"ingress": "all", "iap-enabled": "true"}, false},
		{"IAP on, no ingress said", map[string]any{"iap-enabled": "true"}, false},
		{"behind a load balancer", map[string]any{"ingress": "internal-and-cloud-load-balancing"}, false},
		{"internal", map[string]any{"ingress": "internal"}, false},
	} {
		got, _, err := program.Eval(map[string]any{"resource": annotated(tc.annotations)})
		if err != nil {
			t.Fatal(err)
		}
		if got.Value() != tc.refused {
			t.Errorf("%s: refused: %v, want %t", tc.name, got.Value(), tc.refused)
		}
	}
}
