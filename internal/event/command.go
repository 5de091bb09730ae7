package event

import (
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/safetext"
)

// commands are the known commands with what each takes for its target.
var commands = map[string]targetRule{
	"apply": aScope, "plan": aPlace, "doctor": aService, "audit": aPlaceOrNone, "sweep": aPlaceOrNone, "due": noTarget,
	"digest": noTarget,
}

// ownID begins the ids that the function gives to commands that came with a token. A message
// that carries one would be reported as sent by somebody else.
const ownID = "direct-"

// targetRule is what a command takes for its target.
type targetRule int

const (
	aScope       targetRule = iota // a project, a location of it or a service
	aService                       // a service
	aPlace                         // a scope, or a folder or an organization with all projects in it
	aPlaceOrNone                   // without one: everything in scope
	noTarget                       // it concerns the deployment
)

// commandMessage is a message of the commands topic.
type commandMessage struct {
	open
	Command text `json:"command"`
	Target  text `json:"target"`
	PlanID  text `json:"planId"`
	ID      text `json:"id"`
}

// command reads a message of the commands topic. It is strict where entries are
// not, because an unknown member may be meant as a restriction.
func (p *parser) command(body raw) Result {
	var m commandMessage
	err := decode(body, &m)
	unknown, more := firstMember(m.Unknown)
	c := Cause{Kind: CommandReceived, Key: p.commandKey(m.ID.s, body)}
	c.Command = &Command{
		Name: safetext.Escape(m.Command.s, maxShown), Target: safetext.Escape(m.Target.s, maxIdentifier),
		PlanID: safetext.Escape(m.PlanID.s, maxIdentifier), ID: safetext.Escape(m.ID.s, maxIdentifier),
	}
	switch {
	case err != nil:
		return ignored(c, Unreadable, "not valid JSON: %s", describe(err))
	case more:
		return ignored(c, Unreadable, "a command has no member %s: use command, target, planId, id", quote(unknown))
	case strings.HasPrefix(m.ID.s, ownID):
		return ignored(c, Unreadable, "id %s: ids that begin with %s are those of commands that a person sent with a token",
			quote(m.ID.s), ownID)
	case m.Command.twice || m.Target.twice || m.PlanID.twice || m.ID.twice:
		return ignored(c, Unreadable, "a member of the command occurs twice with different values")
	}
	if err := c.setTarget(m.Command.s, m.Target.s, m.PlanID.s); err != nil {
		return ignored(c, Unreadable, "%v", err)
	}
	return caused(c)
}

// setTarget checks a command and writes the parts of its target into the cause.
func (c *Cause) setTarget(name, target, planID string) error {
	rule, known := commands[name]
	switch {
	case !known:
		return fmt.Errorf("command %s is unknown: use apply, plan, audit, doctor, sweep, due or digest", quote(name))
	case planID != "" && (name != "apply" || !keyPart(planID)):
		return fmt.Errorf("planId %s: only apply takes one, of printable characters", quote(planID))
	case rule == noTarget && target != "":
		return fmt.Errorf("target %s: %s takes none, it concerns the whole deployment", quote(target), name)
	case rule == noTarget, rule == aPlaceOrNone && target == "":
		return nil
	case posture.AboveProject(target) && (rule == aPlace || rule == aPlaceOrNone):
		if _, number, _ := strings.Cut(target, "/"); !posture.ValidProjectNumber(number) {
			return fmt.Errorf("target %s is not a folder or an organization: write folders/NUMBER or organizations/NUMBER",
				quote(target))
		}
		c.Resource = target
		return nil
	case rule == aService:
		t, err := posture.ParseTarget(target)
		c.Project, c.Location, c.Service = t.Project, t.Location, t.Service
		return err
	}
	s, err := posture.ParseScope(target)
	c.Project, c.Location, c.Service = s.Project, s.Location, s.Service
	return err
}

// commandKey is made of the sender's id. Without one the id of the message keeps
// two equal commands apart: Cloud Scheduler sends the same body every time.
func (p *parser) commandKey(id string, body raw) string {
	switch {
	case keyPart(id):
		return "command/" + id
	case id == "" && keyPart(p.eventID):
		return "command/message/" + p.eventID
	}
	return hashKey("command", id, p.eventID, string(body))
}
