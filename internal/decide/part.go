package decide

import (
	"encoding/json"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// Bounds of what one started report announces. A larger plan is carried out in parts,
// each with its own report: the next look plans what is left.
const (
	maxPartSteps = 200
	maxPartBytes = 200 << 10
)

// firstPart is the beginning of the steps that fit into one started report, and at least
// one step.
func firstPart(due []plan.Step) []plan.Step {
	size := 0
	for i, step := range due {
		data, err := json.Marshal(report.StepOf(step, report.StepPlanned))
		if size += len(data); i > 0 && (err != nil || i == maxPartSteps || size > maxPartBytes) {
			return due[:i]
		}
	}
	return due
}
