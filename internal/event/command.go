package event

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/iapguard/iapguard/internal/posture"
)

// commands says which may go without a target.
var commands = map[string]bool{"apply": false, "plan": false, "doctor": false, "audit": true, "sweep": true}

// command reads what stands on the commands topic. It is strict where entries
// are not: a member that is unknown here may have been meant to restrict.
func (p *parser) command(body jsontext.Value) Result {
	var name, target, planID, id text
	r := newReader(body)
	defer r.release()
	unknown := ""
	err := r.object(func(member []byte) error {
		switch string(member) {
		case "command":
			return r.text(&name)
		case "target":
			return r.text(&target)
		case "planId":
			return r.text(&planID)
		case "id":
			return r.text(&id)
		}
		unknown = string(member)
		return r.skip()
	})
	c := Cause{Kind: CommandReceived, Key: p.commandKey(id.s, body)}
	c.Command = &Command{
		Name: clean(name.s, maxShown), Target: clean(target.s, maxIdentifier),
		PlanID: clean(planID.s, maxIdentifier), ID: clean(id.s, maxIdentifier),
	}
	switch {
	case err != nil:
		return ignored(c, Unreadable, "not valid JSON: %s", describe(err))
	case unknown != "":
		return ignored(c, Unreadable, "a command has no member %s: use command, target, planId, id", quote(unknown))
	case name.twice || target.twice || planID.twice || id.twice:
		return ignored(c, Unreadable, "a member of the command stands twice with different values")
	}
	if err := c.aim(name.s, target.s, planID.s); err != nil {
		return ignored(c, Unreadable, "%v", err)
	}
	return counted(c)
}

// aim checks a command and writes its target's parts into the cause.
func (c *Cause) aim(name, target, planID string) error {
	anywhere, known := commands[name]
	switch {
	case !known:
		return fmt.Errorf("command %s is unknown: use apply, plan, audit, doctor or sweep", quote(name))
	case planID != "" && (name != "apply" || !keyPart(planID)):
		return fmt.Errorf("planId %s: only apply takes one, of printable characters", quote(planID))
	case target == "" && anywhere:
		return nil
	case name == "doctor":
		t, err := posture.ParseTarget(target)
		c.Project, c.Location, c.Service = t.Project, t.Location, t.Service
		return err
	}
	s, err := posture.ParseScope(target)
	c.Project, c.Location, c.Service = s.Project, s.Location, s.Service
	return err
}

// commandKey is the sender's id. Without one the delivered message's id keeps
// two equal commands apart, as Cloud Scheduler sends the same body every time.
func (p *parser) commandKey(id string, body jsontext.Value) string {
	switch {
	case keyPart(id):
		return "command/" + id
	case id == "" && keyPart(p.eventID):
		return "command/message/" + p.eventID
	}
	return hashKey("command", id, p.eventID, string(body))
}
