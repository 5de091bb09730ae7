package deploy_test

import (
	"net/http"
	"slices"
	"strings"
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

// What the table says of topics holds for the calls that IAM answers: each account publishes
// where it may, and nowhere else. A stranger publishes nowhere.
func TestOnlyWhoIsNamedPublishesInTheAppliedDeployment(t *testing.T) {
	e := open(t, asShipped, map[string]any{"commanders": []any{"user:commander@example.com"}})
	e.apply()
	const google = "serviceAccount:service-" + number + "@gcp-sa-"
	for name, principal := range map[string]string{
		"function":   "serviceAccount:" + playground.FunctionAccount,
		"sinks":      "serviceAccount:service-NUMBER@gcp-sa-logging.iam.gserviceaccount.com", // package blueprint's
		"monitoring": google + "monitoring-notification.iam.gserviceaccount.com",
		"pubsub":     google + "pubsub.iam.gserviceaccount.com",
		"commander":  "user:commander@example.com", "stranger": "user:stranger@example.net",
		"pusher":   "serviceAccount:" + pusher,
		"operator": "serviceAccount:iapguard-approver@demo-project.iam.gserviceaccount.com",
	} {
		client := e.Owner()
		client.Caller = principal
		for topic, may := range publishers {
			_, err := client.Call(t.Context(), http.MethodPost,
				"/v1/"+project+"/topics/iapguard-"+topic+":publish",
				map[string]any{"messages": []any{map[string]any{"data": "e30="}}})
			refused := err != nil && strings.Contains(err.Error(), "403")
			if want := slices.Contains(may, name); want != (err == nil) || !want && !refused {
				t.Errorf("%s publishes on %s: %v, want %t", name, topic, err, want)
			}
		}
	}
}
