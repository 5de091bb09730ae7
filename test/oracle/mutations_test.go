package oracle

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var mutations = flag.Bool("mutations", false, "compile the oracle with each mutated door rule, and want it caught")

// mutants are door rules with one mistake each: a text of a file that occurs there
// once, and what stands in its place.
var mutants = []struct{ name, file, from, to string }{
	{"a public accessor is not seen", "internal/door/guard.go", "if len(wide) > 0 {", "if len(wide) > 99 {"},
	{"a switched-off invoker check is not seen", "internal/door/guard.go", "if p.Service.InvokerCheckOff {", "if false {"},
	{"a mapped domain and run.app are behind load balancers alone", "internal/door/guard.go",
		"case p.Service.Ingress.ClosedToInternet():", "case p.Service.Ingress.ClosedToInternet() || len(p.Backends) > 0:"},
	{"internal ingress shuts internal load balancers", "internal/door/guard.go",
		"p.Service.Ingress == posture.IngressInternal && !backend.Internal()", "p.Service.Ingress == posture.IngressInternal"},
	{"IAP at the backend service is not looked at", "internal/door/guard.go",
		"case backend.IAPOn:\n", "case backend.IAPOn && len(backend.Access.Bindings) > 99:\n"},
	{"the public invokes in run.invoker alone", "internal/door/roles.go",
		"func mayInvoke(role string) bool { return RoleInvokes(role) != No }",
		"func mayInvoke(role string) bool { return OnlyInvokes(role) }"},
	{"custom roles do not invoke", "internal/door/roles.go",
		"return RoleInvokes(role) != No }", "return RoleInvokes(role) == Yes }"},
	{"custom roles do not pass IAP", "internal/door/roles.go",
		`return role == posture.RoleAccessor || !strings.HasPrefix(role, "roles/")`,
		`return role == posture.RoleAccessor || strings.HasPrefix(role, "none")`},
	{"every account is not public", "internal/door/roles.go", `allUsers, "allAuthenticatedUsers", `, `allUsers, `},
	{"everybody at Gmail is not public", "internal/door/roles.go", `"domain:gmail.com", `, ``},
	{"roles that write are harmless", "internal/door/roles.go",
		"case slices.Contains(invokingRoles, role):\n\t\treturn Yes",
		"case slices.Contains(invokingRoles[2:], role):\n\t\treturn No"},
	{"the default URL counts as off where it is on", "internal/door/door.go",
		"if p.Service.DefaultURLDisabled {\n\t\tguard", "if !p.Service.DefaultURLDisabled {\n\t\tguard"},
	{"mapped domains are not doors", "internal/door/door.go",
		"doors := append(OwnDoors(p), DomainDoors(p)...)", "doors := OwnDoors(p)"},
	{"what is inherited is not counted at IAP", "internal/posture/access.go",
		"for i, policy := range inherited {", "for i, policy := range inherited[:0] {"},
}

var caughtBy = regexp.MustCompile(`estate \d+ of seed \d+`)

func TestMutationsOfTheDoorRulesAreCaught(t *testing.T) {
	if !*mutations {
		t.Skip("compiles the oracle once for each of the mutations; run with -mutations")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			file := filepath.Join(root, filepath.FromSlash(m.file))
			text, err := os.ReadFile(file)
			if err != nil || strings.Count(string(text), m.from) != 1 {
				t.Fatalf("%q is not once in %s: %v", m.from, m.file, err)
			}
			mutated, overlay := filepath.Join(t.TempDir(), "mutated.go"), filepath.Join(t.TempDir(), "overlay.json")
			replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{file: mutated}})
			if err != nil {
				t.Fatal(err)
			}
			for name, content := range map[string]string{
				mutated: strings.Replace(string(text), m.from, m.to, 1), overlay: string(replaced),
			} {
				if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, ".", "-run", "TestEstates", "-estates",
				"300", "-seed", "1", "-stories", "1")
			output, err := command.CombinedOutput()
			estate := caughtBy.FindString(string(output))
			if err == nil || estate == "" {
				t.Fatalf("no estate of 300 catches it: %v\n%.2000s", err, output)
			}
			t.Logf("caught by %s", estate)
		})
	}
}
