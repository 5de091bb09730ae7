package deploy

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v4"

	steps "github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy"
)

// fixesFor gives the source fixes for every kind of step on resources with a name.
func fixesFor(name string) map[string]string {
	target := posture.Target{Project: "demo-project", Location: "us-central1", Service: name}
	global := posture.Backend{Project: "demo-project", Location: posture.Global, Name: name}
	regional := posture.Backend{Project: "demo-project", Location: "us-central1", Name: name, OAuthClient: name}
	p := posture.Posture{Target: target, ProjectNumber: "123456789012", Backends: []posture.Backend{global, regional}}
	access := steps.GrantAccess{Role: posture.RoleAccessor, Members: []string{name, "user:alice@example.com"}}
	conditional := access
	conditional.Condition = steps.Condition{Title: name, Expression: name + " ", Description: name}
	fixes := map[string]string{}
	for kind, step := range map[string]steps.Step{
		"IAP":           {Change: steps.EnableIAP{}, Resource: global.Resource()},
		"regional IAP":  {Change: steps.EnableIAP{}, Resource: regional.Resource()},
		"ingress":       {Change: steps.RestrictIngress{}, Resource: target.Name()},
		"invoker check": {Change: steps.RequireInvoker{}, Resource: target.Name()},
		"direct IAP":    {Change: steps.EnableDirectIAP{}, Resource: target.Name()},
		"invoker":       {Change: steps.GrantInvoker{Role: posture.RoleInvoker}, Resource: target.Name()},
		"public invokers": {Resource: target.Name(),
			Change: steps.RevokePublic{Role: posture.RoleInvoker, Members: []string{"allUsers"}}},
		"access":          {Change: access, Resource: global.AccessResource(p.ProjectNumber)},
		"regional access": {Change: conditional, Resource: regional.AccessResource(p.ProjectNumber)},
		"direct access":   {Change: conditional, Resource: target.AccessResource(p.ProjectNumber)},
	} {
		fixes[kind] = remedy.SourceFix(p, step, "Terraform/1.13")
	}
	return fixes
}

func TestSourceFixesAreTerraformAndYAMLWithAnyName(t *testing.T) {
	for _, name := range []string{"hello", "it's", `say "hi"`, "${file(\"x\")}", "%{if true}", "a\nb", `a\b`, "true",
		"1e3", "a: b", "# a", "- a", "ä", "\x01"} {
		for kind, fix := range fixesFor(name) {
			t.Run(kind+" of "+name, func(t *testing.T) {
				terraform, rest, _ := strings.Cut(strings.TrimPrefix(fix, "# Terraform\n"), "\n\n# ")
				values := hclValues(t, terraform)
				if !values[name] {
					t.Errorf("no value of the fix is %q:\n%s", name, terraform)
				}
				connector, ok := strings.CutPrefix(rest, "Config Connector\n")
				if !ok {
					return
				}
				connector, _, _ = strings.Cut(connector, "\n\n# gcloud\n")
				var read struct{ Metadata struct{ Name string } }
				if err := yaml.Unmarshal([]byte(connector), &read); err != nil {
					t.Fatalf("%v:\n%s", err, connector)
				}
				if strings.TrimSuffix(read.Metadata.Name, "-iap") != name {
					t.Errorf("the YAML names %q, want %q", read.Metadata.Name, name)
				}
			})
		}
	}
}

// hclValues are the string values of all attributes that name nothing else.
func hclValues(t *testing.T, text string) map[string]bool {
	t.Helper()
	file, problems := hclsyntax.ParseConfig([]byte(text), "fix.tf", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatalf("%v:\n%s", problems, text)
	}
	values := map[string]bool{}
	var walk func(body *hclsyntax.Body)
	walk = func(body *hclsyntax.Body) {
		for _, attribute := range body.Attributes {
			if value, problems := attribute.Expr.Value(nil); !problems.HasErrors() && value.Type().FriendlyName() == "string" {
				values[value.AsString()] = true
			}
		}
		for _, block := range body.Blocks {
			walk(block.Body)
		}
	}
	walk(file.Body.(*hclsyntax.Body))
	return values
}
