package pubsub_test

import (
	"net/http"
	"testing"

	client "google.golang.org/api/pubsub/v1"

	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
)

func TestTopicsAreListedAndGrantsOnTopicsAndSubscriptionsAreKept(t *testing.T) {
	api, _ := projects(t)
	const topic, name = "projects/demo-project/topics/orders", "projects/demo-project/subscriptions/orders"
	if _, err := api.Topics.GetIamPolicy(topic).Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("the policy of a topic that is not there: %v, want a 404", err)
	}
	if _, err := api.Topics.Create(topic, &client.Topic{}).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Subscriptions.Create(name, &client.Subscription{Topic: topic}).Do(); err != nil {
		t.Fatal(err)
	}
	if list, err := api.Topics.List("projects/demo-project").Do(); err != nil || len(list.Topics) != 1 ||
		list.Topics[0].Name != topic {
		t.Errorf("listed %+v, %v", list, err)
	}
	type policyCalls struct {
		set func(string, *client.SetIamPolicyRequest) (*client.Policy, error)
		get func(string) (*client.Policy, error)
	}
	for resource, call := range map[string]policyCalls{
		topic: {
			func(n string, r *client.SetIamPolicyRequest) (*client.Policy, error) {
				return api.Topics.SetIamPolicy(n, r).Do()
			},
			func(n string) (*client.Policy, error) { return api.Topics.GetIamPolicy(n).Do() },
		},
		name: {
			func(n string, r *client.SetIamPolicyRequest) (*client.Policy, error) {
				return api.Subscriptions.SetIamPolicy(n, r).Do()
			},
			func(n string) (*client.Policy, error) { return api.Subscriptions.GetIamPolicy(n).Do() },
		},
	} {
		grant := &client.Binding{Role: "roles/pubsub.publisher", Members: []string{"user:owner@example.com"}}
		if _, err := call.set(resource, &client.SetIamPolicyRequest{
			Policy: &client.Policy{Bindings: []*client.Binding{grant}}}); err != nil {
			t.Error(err)
		}
		kept, err := call.get(resource)
		if err != nil || len(kept.Bindings) != 1 || kept.Bindings[0].Members[0] != grant.Members[0] {
			t.Errorf("%s has %+v, %v, want the grant", resource, kept, err)
		}
	}
}
