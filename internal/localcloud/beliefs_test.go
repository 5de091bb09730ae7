package localcloud_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/belief"
)

// ask is a call whose answer depends on a belief.
type ask struct{ verb, path, body string }

func grantOf(role, member string) ask {
	return ask{"POST", run + "/hello:setIamPolicy", fmt.Sprintf(`{"policy":{"bindings":[{"role":%q,"members":[%q]}]}}`, role, member)}
}

func entryIn(log string) ask {
	return ask{"POST", "/v2/entries:write", `{"logName":"projects/demo-project/logs/` + log +
		`","resource":{"type":"cloud_run_revision"},"entries":[{"textPayload":"forged"}]}`}
}

// restricted lets the organization take members of its own alone.
var restricted = ask{"POST", "/v2/projects/demo-project/policies", `{"name":"projects/demo-project/policies/iam.allowedPolicyMemberDomains",
	"spec":{"rules":[{"values":{"allowedValues":["is:principalSet://iam.googleapis.com/organizations/987654321098"]}}]}}`}

func TestBeliefsRefuseCalls(t *testing.T) {
	const agent = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
	provision := ask{"POST", "/v1beta1/projects/demo-project/services/iap.googleapis.com:generateServiceIdentity", "{}"}
	public := belief.Beliefs{RefusePublicMembers: true}
	agents := belief.Beliefs{RefuseServiceAgents: true}
	logs := belief.Beliefs{RefuseRequestLogs: true}
	for _, tc := range []struct {
		name      string
		otherwise belief.Beliefs
		before    []ask
		call      ask
		usual     int
		then      int
		words     string
	}{
		{"public members in another role", public, nil, grantOf("roles/run.developer", "allUsers"), 200, 400,
			"Member allUsers is not supported for role roles/run.developer on this resource."},
		{"any Google account in another role", public, nil, grantOf("roles/run.viewer", "allAuthenticatedUsers"), 200, 400,
			"Member allAuthenticatedUsers is not supported"},
		{"public members as invokers", public, nil, grantOf("roles/run.invoker", "allUsers"), 200, 200, ""},
		{"others in another role", public, nil, grantOf("roles/run.developer", "user:alice@example.com"), 200, 200, ""},
		{"IAP's agent by domain restricted sharing", agents, []ask{restricted, provision}, grantOf("roles/run.invoker", agent), 200,
			400, "do not belong to a permitted customer"},
		{"a user of the organization", agents, []ask{restricted}, grantOf("roles/run.invoker", "user:a@example.com"), 200, 200, ""},
		{"a stranger, in either position", agents, []ask{restricted}, grantOf("roles/run.invoker", "user:a@other.example"), 400,
			400, "do not belong to a permitted customer"},
		{"IAP's agent without the constraint", agents, []ask{provision}, grantOf("roles/run.invoker", agent), 200, 200, ""},
		{"entries of Cloud Run's request log", logs, nil, entryIn("run.googleapis.com%2Frequests"), 200, 403, "by Google alone"},
		{"entries of a load balancer's request log", logs, nil, entryIn("requests"), 200, 403, "by Google alone"},
		{"entries of another log", logs, nil, entryIn("notes"), 200, 200, ""},
	} {
		for _, position := range []struct {
			beliefs belief.Beliefs
			want    int
		}{{belief.Beliefs{}, tc.usual}, {tc.otherwise, tc.then}} {
			b := newBench(t, localcloud.Options{OperationTime: -1, Beliefs: position.beliefs})
			for _, each := range tc.before {
				b.must(each.verb, each.path, each.body)
			}
			status, answer := b.call(tc.call.verb, tc.call.path, tc.call.body)
			text := fmt.Sprint(answer)
			if status != position.want || status != 200 && !strings.Contains(text, tc.words) {
				t.Errorf("%s: %d %s, want %d with %+v", tc.name, status, text, position.want, position.beliefs)
			}
		}
	}
}

// TestAuditEntriesOfServicesHaveEitherForm writes through v2: a service is made, patched
// with a mask, and patched without success.
func TestAuditEntriesOfServicesHaveEitherForm(t *testing.T) {
	const created, updated = "google.cloud.run.v2.Services.CreateService ", "google.cloud.run.v2.Services.UpdateService "
	for _, tc := range []struct {
		name    string
		beliefs belief.Beliefs
		want    []string
	}{
		{"usual", belief.Beliefs{}, []string{created + "whole", updated + "whole ingress", updated + "whole ingress"}},
		{"pairs", belief.Beliefs{PairRunEntries: true}, []string{created + "first", created + "last", updated + "first ingress",
			updated + "last", updated + "first ingress", updated + "last 13"}},
		{"no mask", belief.Beliefs{OmitUpdateMask: true}, []string{created + "whole", updated + "whole", updated + "whole"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, localcloud.Options{OperationTime: -1, Beliefs: tc.beliefs})
			patch := func() {
				b.must("PATCH", run+"/hello?updateMask=ingress", `{"ingress":"INGRESS_TRAFFIC_INTERNAL_ONLY"}`)
			}
			patch()
			if status, text := send(t, request(t, "POST", b.base+"/_local/faults",
				`[{"action":"fail-operation","method":"run.projects.locations.services.patch","message":"no"}]`)); status != http.StatusOK {
				t.Fatal(text)
			}
			patch()
			if diff := cmp.Diff(tc.want, serviceWrites(t, b)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

// serviceWrites are the entries about writes of services: method, part of the operation,
// mask, status.
func serviceWrites(t *testing.T, b *bench) []string {
	t.Helper()
	text, err := json.Marshal(b.must("POST", "/v2/entries:list", `{"resourceNames":["projects/demo-project"],
		"filter":"protoPayload.methodName:\"v2.Services\""}`))
	var answer struct {
		Entries []struct {
			Operation    struct{ First, Last bool }
			ProtoPayload struct {
				MethodName string
				Request    struct{ UpdateMask string }
				Status     struct{ Code int }
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, each := range answer.Entries {
		part := "whole"
		if each.Operation.First {
			part = "first"
		} else if each.Operation.Last {
			part = "last"
		}
		line := each.ProtoPayload.MethodName + " " + part + " " + each.ProtoPayload.Request.UpdateMask
		if code := each.ProtoPayload.Status.Code; code != 0 {
			line = strings.TrimSpace(line) + fmt.Sprint(" ", code)
		}
		all = append(all, strings.TrimSpace(line))
	}
	return all
}
