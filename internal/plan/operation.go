package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

// Op is the published name of an operation.
type Op string

// The stages of the safe order. Steps of one stage may stand in any order.
const (
	stageClosing = iota + 1 // of steps that close, whatever their operation
	stageAPI
	stageStrangers
	stageProvision
	stageInvoker
	stageAccess
	stageIAP
	stageIngress
	stagePublic
	stageRedeploy
)

// timing says what an operation waits for; see Schedule.
type timing int

// The timings.
const (
	atOnce           timing = iota + 1 // it waits for nobody
	grants                             // the service and its policies were left alone for a while
	settled                            // the service was left alone, and a load balancer is a way in
	accessPropagated                   // the accessors can be expected to get in
	agentPropagated                    // IAP can be expected to reach the service as its agent
	apiPropagated                      // as grants, and an API that was just turned on can be expected to answer
)

// Operation is everything about one kind of step that does not depend on the
// observed service. What depends on it is in the methods of the operation's
// Change; the API call is in package cloud.
type Operation struct {
	Op     Op
	Stage  int
	Symbol string // how a terminal shows it: "+" adds, "~" changes, "-" removes
	timing timing
	// Policy says that the IAM policy of the step's resource is written, which has a
	// version of its own, and not the resource.
	Policy bool
	// Audited is the kind of audit log entry that a write to the same field leaves.
	// "" = nobody undoes it.
	Audited event.Kind
	// Affects is what the step means to those who call the service; "" = nothing.
	Affects caller.Change
	// Stays says that the step leaves nothing that undo could take back.
	Stays bool

	decode func(data []byte) (Change, error)
	parse  func(Words) (Change, bool)
}

// Change is what one step writes, as a value. Each operation has one type; its
// fields are its JSON form in reports.
type Change interface {
	// Operation is the kind of step that the change belongs to.
	Operation() Operation
	// words are the change as people read it.
	words() Words
	// check refuses a change that we would never make on the service: what reports
	// say is about to be written.
	check(p posture.Posture, resource string) error
	// standing is how things stand where the change was written.
	standing(p posture.Posture, resource string) Standing
	// without is the posture as it would be without the change, as far as doors go.
	without(p posture.Posture, resource string) posture.Posture
	// effect is what a write to the same field did to the change.
	effect(write event.Write) Effect
}

// Words are a change as reports print it. Nothing but undo reads them, and only
// in reports that hold no typed change.
type Words struct {
	Field string // the setting, or the role
	From  string // what is there before; "" = nothing
	To    string // what is there afterwards; "" = nothing
	// Condition is under what a granted role holds.
	Condition posture.Condition
	// Conditional says that a removed member stood under a condition.
	Conditional bool
}

// Standing is the state of what a step wrote.
type Standing struct {
	Set     bool   // what the step wrote is still so
	Version string // what the resource is at
}

// operations are all of them, by name.
var operations = map[Op]Operation{}

// register adds an operation with the type of its changes. parse reads the words
// of reports that hold no typed change, and reports whether they are its own.
func register[C Change](operation Operation, parse func(Words) (C, bool)) Operation {
	operation.decode = func(data []byte) (Change, error) {
		var change C
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&change)
		return change, err
	}
	operation.parse = func(words Words) (Change, bool) {
		change, ok := parse(words)
		return change, ok
	}
	operations[operation.Op] = operation
	return operation
}

// Operations are all operations, in the safe order.
func Operations() []Operation {
	return slices.SortedFunc(maps.Values(operations), func(a, b Operation) int {
		if a.Stage != b.Stage {
			return a.Stage - b.Stage
		}
		return bytes.Compare([]byte(a.Op), []byte(b.Op))
	})
}

// Affecting are the operations that mean this change to those who call the service, in the
// safe order.
func Affecting(change caller.Change) []Op {
	var ops []Op
	for _, operation := range Operations() {
		if operation.Affects == change {
			ops = append(ops, operation.Op)
		}
	}
	return ops
}

// SymbolOf is how a terminal shows an operation, "" for one that is not known.
func SymbolOf(op Op) string { return operations[op].Symbol }

// DecodeChange reads the typed change of a report's step.
func DecodeChange(op Op, data []byte) (Change, error) {
	operation, known := operations[op]
	if !known {
		return nil, fmt.Errorf("operation %.40q is not known", op)
	}
	change, err := operation.decode(data)
	if err != nil {
		return nil, fmt.Errorf("decoding the change of %s: %w", op, err)
	}
	return change, nil
}

// ParseChange reads the words of a report's step that holds no typed change.
func ParseChange(op Op, words Words) (Change, error) {
	operation, known := operations[op]
	if !known {
		return nil, fmt.Errorf("operation %.40q is not known", op)
	}
	change, ok := operation.parse(words)
	if !ok {
		return nil, fmt.Errorf("%.80q and %.80q are not what %s writes", words.From, words.To, op)
	}
	return change, nil
}
