package remedy

import (
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// TakeBack are the commands by which a person takes back a step that undo leaves; none = there
// is nothing to take back. witnessed is whether more than a report says that we took the step:
// a report can be forged, so that a person opens or breaks by a command of ours what we never
// wrote. Without a witness there is no command.
func TakeBack(p posture.Posture, step plan.Step, witnessed bool) []string {
	if !witnessed {
		return nil
	}
	at := p.Target
	if part, known := p.Part(step.Resource); known {
		at = part.Target
	} else if named, err := posture.ParseTarget(step.Resource); err == nil {
		at = named
	}
	var commands []command.Command
	switch change := step.Change.(type) {
	case plan.RevokePublic:
		for _, member := range change.Members {
			commands = append(commands, command.GrantInvoker(at, member))
		}
	case plan.RestrictIngress:
		commands = append(commands, command.SetIngress(at, change.From))
	case plan.RequireInvoker:
		commands = append(commands, command.SkipInvokerCheck(at))
	case plan.EnableDirectIAP:
		commands = append(commands, command.DisableDirectIAP(at))
	case plan.EnableIAP:
		for _, backend := range p.Backends {
			if backend.Resource() == step.Resource {
				commands = append(commands, command.DisableIAP(backend))
			}
		}
	case plan.GrantInvoker:
		commands = append(commands, command.RevokeInvoker(at, change.Role, change.Member, false))
	case plan.GrantAccess:
		for _, member := range change.Members {
			commands = append(commands, command.RevokeAccess(step.Resource, p.Target.Project, change.Role, member))
		}
	}
	texts := make([]string, len(commands))
	for i, c := range commands {
		texts[i] = c.String()
	}
	return texts
}
