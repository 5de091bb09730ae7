package compute_test

import (
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/kernel"
)

func TestAWriteWhoseOperationFailsChangesNothingAndIsLoggedAsFailed(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	for _, tc := range []struct{ verb, path, body string }{
		{"POST", "global/backendServices", `{"name":"new"}`},
		{"PATCH", "global/backendServices/be", `{"description":"new"}`},
		{"DELETE", "global/backendServices/be", ""},
	} {
		c.kernel.SetFaults([]kernel.Fault{{Method: "compute.*", Action: kernel.FailOperation, Times: 1}})
		c.must(tc.verb, tc.path, tc.body)
		records := c.audit()
		if last := records[len(records)-1]; last.Status == nil || last.Status.Code != 13 || last.Severity != "ERROR" || !last.Operation.Last {
			t.Errorf("%s: the last entry is %+v, want the failed end of the operation", tc.verb, last)
		}
		items, _ := c.must("GET", "global/backendServices", "")["items"].([]any)
		if len(items) != 1 || items[0].(map[string]any)["description"] != "" {
			t.Errorf("%s: left %v", tc.verb, items)
		}
	}
}
