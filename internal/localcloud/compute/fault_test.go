package compute_test

import (
	"slices"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

func TestAFailedOperationChangesNothingAndIsLoggedAsFailed(t *testing.T) {
	c := newCloud(t)
	c.must("POST", "global/backendServices", `{"name":"be"}`)
	for _, tc := range []struct{ verb, path, body string }{
		{"POST", "global/backendServices", `{"name":"new"}`},
		{"PATCH", "global/backendServices/be", `{"description":"new"}`},
		{"DELETE", "global/backendServices/be", ""},
	} {
		c.server.SetFaults([]apiserver.Fault{{Method: "compute.*", Action: apiserver.FailOperation, Times: 1}})
		c.must(tc.verb, tc.path, tc.body)
		if end := lastEnd(c.audit()); end.Status == nil || end.Status.Code != 13 || end.Severity != "ERROR" {
			t.Errorf("%s: the operation's end is %+v, want it to have failed", tc.verb, end)
		}
		items, _ := c.must("GET", "global/backendServices", "")["items"].([]any)
		if len(items) != 1 || items[0].(map[string]any)["description"] != "" {
			t.Errorf("%s: left %v", tc.verb, items)
		}
	}
}

// lastEnd is the newest entry that ends an operation. The entry of its start
// may come after it: an operation can be quicker than its call's answer.
func lastEnd(records []apiserver.AuditRecord) apiserver.AuditRecord {
	for _, record := range slices.Backward(records) {
		if record.Operation != nil && record.Operation.Last {
			return record
		}
	}
	return apiserver.AuditRecord{}
}
