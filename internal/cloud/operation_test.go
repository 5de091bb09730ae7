package cloud

import (
	"testing"

	"github.com/iapguard/iapguard/internal/plan"
)

func TestEveryOperationHasItsAPICalls(t *testing.T) {
	for _, operation := range plan.Operations() {
		if calls := operations[operation.Op]; calls.do == nil || calls.undo == nil {
			t.Errorf("%s has no API call to take it or to take it back", operation.Op)
		}
	}
	if len(operations) != len(plan.Operations()) {
		t.Errorf("API calls for %d operations, and there are %d", len(operations), len(plan.Operations()))
	}
}
