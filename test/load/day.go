package load

import (
	"fmt"
	"io"
	"strings"
)

// irrelevant is what 99 of 100 events are at the scope of an organisation.
const irrelevant = `{"insertId":"-abc","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",` +
	`"timestamp":"2026-11-23T12:00:00.123456Z","receiveTimestamp":"2026-11-23T12:00:00.5Z","severity":"NOTICE",` +
	`"operation":{"id":"operation-1","producer":"compute.googleapis.com","last":true},` +
	`"resource":{"type":"gce_instance","labels":{"project_id":"demo-project","zone":"us-central1-a","instance_id":"1"}},` +
	`"protoPayload":{"serviceName":"compute.googleapis.com","methodName":"v1.compute.instances.insert",` +
	`"authenticationInfo":{"principalEmail":"dev@example.com"},` +
	`"resourceName":"projects/demo-project/zones/us-central1-a/instances/vm"}}`

// RelevantEvery is how rare a relevant entry is in a sink that exports
// everything.
const RelevantEvery = 500

// Day writes n entries, newline-delimited; every RelevantEvery-th is a deploy
// of another service, the others are not for us.
func Day(w io.WriteCloser, n int) {
	defer w.Close()
	others := []string{
		irrelevant,
		`{"insertId":"I","logName":"projects/demo-project/logs/run.googleapis.com%2Fstderr","textPayload":"` +
			strings.Repeat("x", 600) +
			`","resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1",` +
			`"service_name":"s"}}}`,
		`{"insertId":"I","logName":"projects/demo-project/logs/run.googleapis.com%2Frequests","httpRequest":{` +
			`"status":200,"requestUrl":"https://s-uc.a.run.app/"},"resource":{"type":"cloud_run_revision","labels":{` +
			`"project_id":"demo-project","location":"us-central1","service_name":"s"}}}`,
		`{"insertId":"I","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Fdata_access","protoPayload":{` +
			`"serviceName":"storage.googleapis.com","methodName":"storage.objects.get","status":{}}}`,
		`{"insertId":"I","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","protoPayload":{` +
			`"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Jobs.RunJob",` +
			`"resourceName":"projects/demo-project/locations/us-central1/jobs/j"}}`,
	}
	for i := range n {
		line := others[i%len(others)]
		if i%RelevantEvery == 0 {
			line = fmt.Sprintf(
				`{"insertId":"i%d","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity",`+
					`"timestamp":"2026-11-23T12:00:00Z",`+
					`"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1",`+
					`"service_name":"s%d"}},`+
					`"protoPayload":{"serviceName":"run.googleapis.com",`+
					`"methodName":"google.cloud.run.v1.Services.ReplaceService",`+
					`"resourceName":"namespaces/demo-project/services/s%d"}}`, i, i, i)
		}
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return
		}
	}
}
