package decide

import (
	"fmt"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/plan"
)

func TestALargePlanIsCarriedOutInParts(t *testing.T) {
	for _, tc := range []struct {
		name        string
		steps, want int
		why         string
	}{
		{"small", 5, 5, "w"},
		{"as many as one report holds", 200, 200, "w"},
		{"too many", 201, 200, "w"},
		{"too large", 10, 3, strings.Repeat("w", 50<<10)},
		{"one that is too large alone", 2, 1, strings.Repeat("w", 300<<10)},
	} {
		var due []plan.Step
		for i := range tc.steps {
			due = append(due, plan.Step{Change: plan.EnableIAP{}, Resource: fmt.Sprint("backend-", i), Why: tc.why})
		}
		if got := firstPart(due); len(got) != tc.want {
			t.Errorf("%s: a part of %d steps, want %d", tc.name, len(got), tc.want)
		}
	}
}
