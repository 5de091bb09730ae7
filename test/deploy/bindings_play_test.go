package deploy_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
)

// publishers of the applied deployment, by topic, beside the owner of the project.
var publishers = map[string][]string{
	"events":   {"sinks"},
	"work":     {"function"},
	"commands": {"commander"},
	"refused":  {"monitoring"},
	"reports":  {"function"}, "dead-letters": {"pubsub"}, "refused-dead-letters": {"pubsub"},
}

// What the table says of topics is what IAM answers: each account may publish where the table
// says, and nowhere else. A stranger may nowhere.
func TestOnlyWhoIsNamedPublishesInTheAppliedDeployment(t *testing.T) {
	e := open(t, asShipped, map[string]any{"commanders": []any{"user:commander@example.com"}})
	e.apply()
	const google = "serviceAccount:service-" + number + "@gcp-sa-"
	for name, principal := range map[string]string{
		"function": "serviceAccount:" + playground.FunctionAccount,
		"sinks":    "serviceAccount:service-NUMBER@gcp-sa-logging.iam.gserviceaccount.com",
		// package blueprint's
		"monitoring": google + "monitoring-notification.iam.gserviceaccount.com",
		"pubsub":     google + "pubsub.iam.gserviceaccount.com",
		"commander":  "user:commander@example.com", "stranger": "user:stranger@example.net",
		"pusher":   "serviceAccount:" + pusher,
		"operator": "serviceAccount:iapguard-approver@demo-project.iam.gserviceaccount.com",
	} {
		client := e.Owner()
		client.Caller = principal
		for topic, may := range publishers {
			asked := map[string]any{"permissions": []any{"pubsub.topics.publish"}}
			answer, err := client.Call(t.Context(), http.MethodPost,
				"/v1/"+project+"/topics/iapguard-"+topic+":testIamPermissions", asked)
			e.done(err)
			if got, want := answer["permissions"] != nil, slices.Contains(may, name); got != want {
				t.Errorf("%s may publish on %s: %t, want %t", name, topic, got, want)
			}
		}
	}
}
