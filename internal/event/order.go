package event

import (
	"fmt"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/iapguard/iapguard/internal/posture"
)

// Order is a command that a person sends directly, with a token that says who it is.
type Order struct {
	Name   string
	Target string // a resource name; "" where the command takes none
	PlanID string // approve: the plan, or the digest of a policy that waits
	// OverLimit means that the approved plan is carried out although a limit is used up.
	OverLimit bool
	For       time.Duration // hold: how long; undo: how long the services are held
	Reason    string        // hold, close-breaker
	Run       string        // undo: the run to take back
	Policy    string        // undo: the digest of the policy whose runs are taken back
	Since     time.Time     // undo: since when
	Yes       bool          // undo: write
	// WholeRecipe means that plan makes the offer of the whole recipe, also for a private service
	// that the rule leaves.
	WholeRecipe bool
	// Cause is the same as a message of the commands topic would be, nil for a command that
	// cannot come over Pub/Sub.
	Cause *Cause
}

// orderMessage is the JSON of an order.
type orderMessage struct {
	Command   string    `json:"command"`
	Target    string    `json:"target"`
	PlanID    string    `json:"planId"`
	OverLimit bool      `json:"overLimit"`
	For       string    `json:"for"`
	Reason    string    `json:"reason"`
	Run       string    `json:"run"`
	Policy    string    `json:"policyDigest"`
	Since     time.Time `json:"since"`
	Yes       bool      `json:"yes"`
	Whole     bool      `json:"wholeRecipe"`
}

// MaxOrder is the largest body of an order, in bytes, and maxReason the longest reason.
const (
	MaxOrder  = 64 << 10
	maxReason = 256
)

// orders are the commands that only a person sends, with the members that each takes.
var orders = map[string][]string{
	"approve": {"planId", "overLimit"}, "hold": {"target", "for", "reason"}, "resume": {"target"},
	"close-breaker": {"reason"}, "status": {}, "undo": {"run", "policyDigest", "since", "target", "for", "yes"},
}

// ParseOrder reads the body of a direct command. It is strict: an unknown member may be meant
// as a restriction. id becomes the command's id where it may come over Pub/Sub too.
func ParseOrder(body []byte, id string) (Order, error) {
	var m orderMessage
	if err := jsonv2.Unmarshal(body, &m, jsonv2.RejectUnknownMembers(true)); err != nil {
		return Order{}, fmt.Errorf("the body is not a command: %w", err)
	}
	o := Order{Name: m.Command, Target: m.Target, PlanID: m.PlanID, OverLimit: m.OverLimit, Reason: m.Reason, Run: m.Run,
		Policy: m.Policy, Since: m.Since, Yes: m.Yes, WholeRecipe: m.Whole}
	if _, ordinary := commands[m.Command]; ordinary {
		takes := []string{"target", "planId"}
		if m.Command == "plan" {
			takes = append(takes, "wholeRecipe")
		}
		if extra := m.beyond(takes); extra != "" {
			return Order{}, fmt.Errorf("%s takes no %s", m.Command, extra)
		}
		if _, err := posture.ParseTarget(m.Target); m.Whole && err != nil {
			return Order{}, fmt.Errorf("plan with wholeRecipe is of one service: %w", err)
		}
		c := Cause{Kind: CommandReceived, Key: "command/" + id, EventID: id,
			Command: &Command{Name: m.Command, Target: m.Target, PlanID: m.PlanID, ID: id}}
		o.Cause = &c
		return o, c.setTarget(m.Command, m.Target, m.PlanID)
	}
	takes, known := orders[m.Command]
	if !known {
		return Order{}, fmt.Errorf("command %s is unknown: use apply, plan, audit, doctor, sweep, due, digest, approve, hold, resume, "+
			"undo, close-breaker or status", quote(m.Command))
	}
	if extra := m.beyond(takes); extra != "" {
		return Order{}, fmt.Errorf("%s takes no %s", m.Command, extra)
	}
	if m.For != "" {
		length, err := time.ParseDuration(m.For)
		if err != nil || length <= 0 {
			return Order{}, fmt.Errorf("for %s: write a length of time, like 4h", quote(m.For))
		}
		o.For = length
	}
	return o, o.check()
}

// SweepOf is the order to look at every service of a scope.
func SweepOf(target, id string) (Order, error) {
	c := Cause{Kind: CommandReceived, Key: "command/" + id, EventID: id,
		Command: &Command{Name: "sweep", Target: target, ID: id}}
	return Order{Name: "sweep", Target: target, Cause: &c}, c.setTarget("sweep", target, "")
}

// beyond is the first member that is set and not among those that a command takes, "" = none.
func (m orderMessage) beyond(takes []string) string {
	for _, member := range []struct {
		name string
		set  bool
	}{
		{"target", m.Target != ""}, {"planId", m.PlanID != ""}, {"overLimit", m.OverLimit}, {"for", m.For != ""},
		{"reason", m.Reason != ""}, {"run", m.Run != ""}, {"policyDigest", m.Policy != ""}, {"since", !m.Since.IsZero()},
		{"yes", m.Yes}, {"wholeRecipe", m.Whole},
	} {
		if member.set && !slices.Contains(takes, member.name) {
			return member.name
		}
	}
	return ""
}

// check says what an order lacks.
func (o Order) check() error {
	printable := func(s string) bool { return s == "" || keyPart(s) }
	switch {
	case len(o.Reason) > maxReason || strings.ContainsFunc(o.Reason, func(r rune) bool { return r < ' ' }):
		return fmt.Errorf("the reason is one line of at most %d bytes", maxReason)
	case !printable(o.PlanID) || !printable(o.Run) || !printable(o.Policy):
		return fmt.Errorf("planId, run and policyDigest are of printable characters")
	}
	switch o.Name {
	case "approve":
		if o.PlanID == "" {
			return fmt.Errorf("approve needs planId: the plan of a report, or the digest of a policy that waits")
		}
	case "hold":
		if o.Target == "" || o.For == 0 || strings.TrimSpace(o.Reason) == "" {
			return fmt.Errorf("hold needs target, for and reason")
		}
	case "resume":
		if o.Target == "" {
			return fmt.Errorf("resume needs target")
		}
	case "close-breaker":
		if strings.TrimSpace(o.Reason) == "" {
			return fmt.Errorf("close-breaker needs reason")
		}
	case "undo":
		if (o.Run == "") == (o.Policy == "") || o.Policy != "" && o.Since.IsZero() || o.Run != "" && !o.Since.IsZero() {
			return fmt.Errorf("undo needs run, or policyDigest and since")
		}
		if o.Target != "" {
			_, err := posture.ParseScope(o.Target)
			return err
		}
	}
	return nil
}
