package plan

import (
	"fmt"
	"strings"
	"time"
)

// symbols as Terraform's plans have taught them: + grant or create, ~ update,
// - take away.
var symbols = map[Op]string{
	ProvisionAgent: "+", GrantInvoker: "+", GrantAccess: "+",
	EnableIAP: "~", RestrictIngress: "~", RequireInvoker: "~", RevokePublic: "-",
}

// Text prints the steps for a person, in the order in which they are taken.
func (p Plan) Text(now time.Time) string {
	if len(p.Steps) == 0 {
		return ""
	}
	var text strings.Builder
	for i, step := range p.Steps {
		fmt.Fprintf(&text, "  %d. %s %s  %s\n", i+1, symbols[step.Op], step.Op, step.Resource)
		if change := step.Change(); change != "" {
			fmt.Fprintf(&text, "       %s\n", change)
		}
		fmt.Fprintf(&text, "       because %s\n", step.Why)
		if step.NotBefore.After(now) {
			fmt.Fprintf(&text, "       not before %s (in %s)\n", step.NotBefore.UTC().Format(time.RFC3339), step.NotBefore.Sub(now).Round(time.Second))
		}
	}
	return text.String()
}

// Change says what the step changes, on one line.
func (s Step) Change() string {
	switch {
	case s.From != "" && s.To != "":
		return fmt.Sprintf("%s: %s -> %s", s.Field, s.From, s.To)
	case s.To != "" && s.Field != "":
		return fmt.Sprintf("%s: add %s", s.Field, s.To)
	case s.To != "":
		return s.To
	case s.From != "":
		return fmt.Sprintf("%s: remove %s", s.Field, s.From)
	}
	return ""
}
