package pubsub_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"
	client "google.golang.org/api/pubsub/v1"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

// network carries pushes to https endpoints into a cloud that is made later.
type network struct{ cloud *localcloud.Cloud }

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	return n.cloud.DataPlane().InternalTransport().RoundTrip(r)
}

// projects is Google's own client of a new local cloud, as the project's owner.
func projects(t *testing.T) (*client.ProjectsService, string) {
	t.Helper()
	into := &network{}
	broker, err := delivery.Start(t.Context(), delivery.Options{Project: "demo-project", HTTPS: into,
		Token: func(account, audience string) (string, error) { return into.cloud.Tokens().Token(account, audience) }})
	if err != nil {
		t.Fatal(err)
	}
	into.cloud = localcloud.New(localcloud.Options{PubSub: broker, Discovery: discovery.Judge(t)})
	server := httptest.NewServer(into.cloud)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Close()
		if err := broker.Close(ctx); err != nil {
			t.Error(err)
		}
		into.cloud.Close()
	})
	service, err := client.NewService(t.Context(), option.WithEndpoint(server.URL+"/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return service.Projects, server.URL
}

func TestASubscriptionIsMadeListedChangedPushedAndDeleted(t *testing.T) {
	api, base := projects(t)
	const topic, name = "projects/demo-project/topics/orders", "projects/demo-project/subscriptions/orders"
	wanted := &client.Subscription{Topic: topic,
		PushConfig: &client.PushConfig{PushEndpoint: "https://nobody-123456789012.us-central1.run.app/x"}}
	if _, err := api.Subscriptions.Create(name, wanted).Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("without its topic: %v, want a 404", err)
	}
	if _, err := api.Topics.Create(topic, &client.Topic{}).Do(); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Topics.Create(topic, &client.Topic{}).Do(); clienttest.Code(err) != http.StatusConflict {
		t.Errorf("a topic twice: %v", err)
	}
	if made, err := api.Subscriptions.Create(name, wanted).Do(); err != nil || made.Name != name ||
		made.AckDeadlineSeconds != 10 {
		t.Errorf("made %+v, %v", made, err)
	}
	if _, err := api.Subscriptions.Create(name, wanted).Do(); clienttest.Code(err) != http.StatusConflict {
		t.Errorf("twice: %v", err)
	}
	config := &client.PushConfig{PushEndpoint: "https://nobody-123456789012.us-central1.run.app/y",
		OidcToken: &client.OidcToken{ServiceAccountEmail: "a@b.example"}}
	if _, err := api.Subscriptions.ModifyPushConfig(name,
		&client.ModifyPushConfigRequest{PushConfig: config}).Do(); err != nil {
		t.Error(err)
	}
	patch := &client.UpdateSubscriptionRequest{Subscription: &client.Subscription{AckDeadlineSeconds: 60},
		UpdateMask: "ackDeadlineSeconds"}
	if _, err := api.Subscriptions.Patch(name, patch).Do(); err != nil {
		t.Error(err)
	}
	list, err := api.Subscriptions.List("projects/demo-project").Do()
	if err != nil || len(list.Subscriptions) != 1 || list.Subscriptions[0].PushConfig.OidcToken == nil ||
		list.Subscriptions[0].AckDeadlineSeconds != 60 {
		t.Errorf("listed %+v, %v", list, err)
	}
	if _, err := api.Topics.Publish(topic, &client.PublishRequest{
		Messages: []*client.PubsubMessage{{Data: "aGVsbG8="}}}).Do(); err != nil {
		t.Error(err)
	}
	await(t, "the push is answered 404: nobody is there", func() bool {
		return lastAnswer(t, base, name) == http.StatusNotFound
	})
	if _, err := api.Subscriptions.Delete(name).Do(); err != nil {
		t.Error(err)
	}
	if _, err := api.Subscriptions.Get(name).Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("after it was deleted: %v", err)
	}
}

// await waits for what must come.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func lastAnswer(t *testing.T, base, subscription string) int {
	t.Helper()
	response, err := http.Get(base + "/_local/state")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var state struct {
		PubSub map[string]struct{ LastAnswer int }
	}
	if err := json.NewDecoder(response.Body).Decode(&state); err != nil {
		t.Fatal(err)
	}
	return state.PubSub[subscription].LastAnswer
}

func TestWhatIsSentComesBack(t *testing.T) {
	api, _ := projects(t)
	const topic = "projects/demo-project/topics/orders"
	labels := map[string]string{"team": "shop"}
	if _, err := api.Topics.Create(topic, &client.Topic{Labels: labels}).Do(); err != nil {
		t.Fatal(err)
	}
	if got, err := api.Topics.Get(topic).Do(); err != nil || got.Labels["team"] != "shop" || got.Name != topic {
		t.Errorf("topic %+v, %v", got, err)
	}
	for name, tc := range map[string]struct {
		sent *client.ExpirationPolicy
		want string
	}{
		"nothing is a month": {nil, "2678400s"},
		"a day":              {&client.ExpirationPolicy{Ttl: "86400s"}, "86400s"},
		"without end":        {&client.ExpirationPolicy{}, ""},
	} {
		subscription := "projects/demo-project/subscriptions/" + strings.ReplaceAll(name, " ", "-")
		if _, err := api.Subscriptions.Create(subscription,
			&client.Subscription{Topic: topic, ExpirationPolicy: tc.sent}).Do(); err != nil {
			t.Fatal(err)
		}
		got, err := api.Subscriptions.Get(subscription).Do()
		if err != nil || got.ExpirationPolicy == nil || got.ExpirationPolicy.Ttl != tc.want {
			t.Errorf("%s: %+v, %v; want %q", name, got.ExpirationPolicy, err, tc.want)
		}
	}
}
