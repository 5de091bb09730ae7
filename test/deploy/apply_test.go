package deploy_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

func (e *fixture) account(r blueprint.Resource) {
	e.post("/v1/"+project+"/serviceAccounts", map[string]any{"accountId": r.Values["account_id"]})
}

func (e *fixture) role(r blueprint.Resource) {
	e.post("/v1/"+project+"/roles", map[string]any{"roleId": r.Values["role_id"], "role": map[string]any{
		"title": r.Values["title"], "description": r.Values["description"], "stage": "GA",
		"includedPermissions": r.Values["permissions"]}})
}

func (e *fixture) bucket(r blueprint.Resource) {
	body := map[string]any{"name": r.Values["name"], "location": r.Values["location"],
		"iamConfiguration": map[string]any{"uniformBucketLevelAccess": map[string]any{"enabled": true}}}
	if retention := first(r.Values, "retention_policy"); retention != nil {
		body["retentionPolicy"] = map[string]any{"retentionPeriod": fmt.Sprint(int(retention["retention_period"].(float64)))}
	}
	e.post("/storage/v1/b?project="+playground.Project, body)
}

// member adds one grant to the project's policy.
func (e *fixture) member(r blueprint.Resource) {
	e.grant(project, r.Values["role"], r.Values["member"])
}

func (e *fixture) grant(resource string, role, member any) {
	policy := e.post("/v1/"+resource+":getIamPolicy", map[string]any{})
	bindings, _ := policy["bindings"].([]any)
	policy["bindings"] = append(bindings, map[string]any{"role": role, "members": []any{member}})
	e.post("/v1/"+resource+":setIamPolicy", map[string]any{"policy": policy})
}

// ancestors does what the module cannot do for one project: an administrator of the
// organization lets the function read what is granted there.
func (e *fixture) ancestors() {
	const organization = "organizations/" + apiserver.OrganizationID
	shipped, err := roles.Load()
	e.done(err)
	for _, role := range shipped {
		if role.ID == playground.AncestorsRole {
			e.post("/v1/"+organization+"/roles", map[string]any{"roleId": role.ID, "role": map[string]any{
				"title": role.Title, "stage": "GA", "includedPermissions": role.Names()}})
		}
	}
	e.grant(organization, organization+"/roles/"+playground.AncestorsRole,
		"serviceAccount:"+playground.FunctionAccount)
}

// service deploys the service, whose container is the built binary.
func (e *fixture) service(r blueprint.Resource) {
	name := r.Text("id")
	e.program = start(e.t, environment(e.t, r, e.all("google_secret_manager_secret_version")), e.Broker.Address())
	e.Cloud.DataPlane().Contain(name, e.program.URL)
	e.post("/v2/"+project+"/locations/"+region+"/services?serviceId="+r.Text("name"),
		rest(r.Values, "project", "location", "name", "id", "deletion_protection"))
	e.address = e.Cloud.Run().Address(region, r.Text("name"))
}

// subscription makes one that pushes, one that writes into a bucket, or one that waits for a
// person.
func (e *fixture) subscription(r blueprint.Resource) {
	if config := first(r.Values, "cloud_storage_config"); config != nil {
		e.CallAs(e.Owner(), http.MethodPut, "/v1/"+r.Text("id"), map[string]any{"topic": r.Values["topic"],
			"cloudStorageConfig": rest(config), "ackDeadlineSeconds": r.Values["ack_deadline_seconds"]})
		return
	}
	push, pushes := r.Values["push_config"].([]any)
	if !pushes {
		_, err := e.Broker.Client().SubscriptionAdminClient.CreateSubscription(e.t.Context(),
			&pubsubpb.Subscription{Name: r.Text("id"), Topic: r.Text("topic")})
		if status.Code(err) != codes.AlreadyExists { // the local cloud has the same for people
			e.done(err)
		}
		return
	}
	token := blueprint.Resource{Values: push[0].(map[string]any)}
	attempts := r.Values["dead_letter_policy"].([]any)[0].(map[string]any)["max_delivery_attempts"].(float64)
	e.done(e.Broker.Push(e.t.Context(), delivery.Subscription{
		Name: r.Text("id"), Topic: r.Text("topic"), Endpoint: r.Text("push_config", "push_endpoint"),
		AckDeadline:     time.Duration(r.Values["ack_deadline_seconds"].(float64)) * time.Second,
		MinBackoff:      length(e.t, r.Text("retry_policy", "minimum_backoff")),
		MaxBackoff:      length(e.t, r.Text("retry_policy", "maximum_backoff")),
		DeadLetterTopic: r.Text("dead_letter_policy", "dead_letter_topic"), MaxDeliveryAttempts: int(attempts),
		Ordered: r.Values["enable_message_ordering"] == true,
		Account: token.Text("oidc_token", "service_account_email"), Audience: token.Text("oidc_token",
			"audience"),
	}))
}

func length(t *testing.T, text string) time.Duration {
	t.Helper()
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return duration
}

func (e *fixture) sink(r blueprint.Resource) {
	e.post("/v2/projects/"+r.Text("project")+"/sinks", map[string]any{
		"name": r.Values["name"], "destination": r.Values["destination"], "filter": r.Values["filter"]})
}

func (e *fixture) trigger(r blueprint.Resource) {
	e.post("/v1/"+project+"/locations/"+r.Text("location")+"/triggers?triggerId="+r.Text("name"), map[string]any{
		"eventFilters": r.Values["matching_criteria"], "serviceAccount": r.Values["service_account"],
		"destination": map[string]any{"cloudRun": map[string]any{
			"service": r.Text("destination", "cloud_run_service", "service"),
			"region":  r.Text("destination", "cloud_run_service", "region"),
			"path":    r.Text("destination", "cloud_run_service", "path")}},
	})
}

// run runs a job of Cloud Scheduler that publishes to a topic.
func (e *fixture) run(name string) {
	e.t.Helper()
	for _, job := range e.all("google_cloud_scheduler_job") {
		if job.Text("name") == name {
			data, err := base64.StdEncoding.DecodeString(job.Text("pubsub_target", "data"))
			e.done(err)
			e.Publish(job.Text("pubsub_target", "topic_name"), string(data))
			return
		}
	}
	e.t.Fatalf("the module has no job %s", name)
}
