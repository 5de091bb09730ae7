package report

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
)

// Step is one write, planned or done.
type Step struct {
	Op       string `json:"op"`
	Resource string `json:"resource"`
	Field    string `json:"field,omitempty"`
	From     string `json:"from"`
	To       string `json:"to"`
	// Change is the same change as a value: an object whose fields depend on the
	// operation. Reports of versions before 0.2 have none.
	Change        json.RawMessage `json:"change,omitempty"`
	Why           string          `json:"why"`
	Condition     *Condition      `json:"condition,omitempty"`   // under which a granted role holds; nil = always
	Conditional   bool            `json:"conditional,omitempty"` // a member taken away stood under a condition
	Result        Result          `json:"result"`
	At            *time.Time      `json:"at,omitempty"`
	NotBefore     *time.Time      `json:"notBefore,omitempty"`
	VersionBefore string          `json:"versionBefore,omitempty"`
	VersionAfter  string          `json:"versionAfter,omitempty"`
}

// Result is what became of a step.
type Result string

// The results.
const (
	StepPlanned Result = "planned"
	StepDone    Result = "done"
	StepFailed  Result = "failed"
)

// StepOf is a step as reports publish it.
func StepOf(step plan.Step, result Result) Step {
	words := step.Words()
	reported := Step{
		Op: string(step.Op()), Resource: step.Resource, Field: words.Field, From: words.From, To: words.To,
		Why: step.Why, Condition: ConditionOf(words.Condition), Conditional: words.Conditional,
		Result: result, VersionBefore: step.Version,
	}
	if change, err := json.Marshal(step.Change); err == nil { // changes are plain values
		reported.Change = change
	}
	if !step.NotBefore.IsZero() {
		at := step.NotBefore.UTC()
		reported.NotBefore = &at
	}
	return reported
}

// Plan reads the step back. A report that holds no typed change is read by its
// words. Where both are there they must agree: people read the words.
func (s Step) Plan() (plan.Step, error) {
	step := plan.Step{Resource: s.Resource, Why: s.Why, Version: s.VersionBefore}
	words := plan.Words{Field: s.Field, From: s.From, To: s.To, Conditional: s.Conditional}
	if s.Condition != nil {
		words.Condition = posture.Condition(*s.Condition)
	}
	var err error
	if s.Change == nil {
		step.Change, err = plan.ParseChange(plan.Op(s.Op), words)
		return step, err
	}
	if step.Change, err = plan.DecodeChange(plan.Op(s.Op), s.Change); err == nil && step.Words() != words {
		return step, fmt.Errorf("the change of %.40s is not what its words say", s.Op)
	}
	return step, err
}
