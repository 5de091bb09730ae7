package pubsub_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	client "google.golang.org/api/pubsub/v1"

	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
)

const (
	orders  = "projects/demo-project/topics/orders"
	letters = "projects/demo-project/topics/letters"
	pulled  = "projects/demo-project/subscriptions/pulled"
)

// room is a client with a topic and a subscription that is pulled.
type room struct {
	t *testing.T
	*client.ProjectsService
	base string
}

func open(t *testing.T, subscription *client.Subscription) room {
	t.Helper()
	api, base := projects(t)
	r := room{t, api, base}
	r.topic(orders)
	subscription.Topic = orders
	r.subscribe(pulled, subscription)
	return r
}

func (r room) topic(name string) {
	r.t.Helper()
	if _, err := r.Topics.Create(name, &client.Topic{}).Do(); err != nil {
		r.t.Fatal(err)
	}
}

func (r room) subscribe(name string, subscription *client.Subscription) {
	r.t.Helper()
	if _, err := r.Subscriptions.Create(name, subscription).Do(); err != nil {
		r.t.Fatal(err)
	}
}

func (r room) publish(texts ...string) {
	r.t.Helper()
	for _, each := range texts {
		r.send(&client.PubsubMessage{Data: base64.StdEncoding.EncodeToString([]byte(each))})
	}
}

func (r room) send(message *client.PubsubMessage) {
	r.t.Helper()
	sent, err := r.Topics.Publish(orders, &client.PublishRequest{Messages: []*client.PubsubMessage{message}}).Do()
	if err != nil || len(sent.MessageIds) != 1 {
		r.t.Fatalf("published %+v, %v", sent, err)
	}
}

// pull leases what is there.
func (r room) pull() []*client.ReceivedMessage {
	r.t.Helper()
	got, err := r.Subscriptions.Pull(pulled, &client.PullRequest{MaxMessages: 10, ReturnImmediately: true}).Do()
	if err != nil {
		r.t.Fatal(err)
	}
	return got.ReceivedMessages
}

func (r room) acknowledge(messages []*client.ReceivedMessage) {
	r.t.Helper()
	var ids []string
	for _, each := range messages {
		ids = append(ids, each.AckId)
	}
	if _, err := r.Subscriptions.Acknowledge(pulled, &client.AcknowledgeRequest{AckIds: ids}).Do(); err != nil {
		r.t.Fatal(err)
	}
}

// want fails unless the messages hold these texts, in this order.
func (r room) want(messages []*client.ReceivedMessage, want ...string) {
	r.t.Helper()
	var got []string
	for _, each := range messages {
		data, err := base64.StdEncoding.DecodeString(each.Message.Data)
		if err != nil {
			r.t.Error(err)
		}
		got = append(got, string(data))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// seek goes to a time or to a snapshot.
func (r room) seek(to *client.SeekRequest) {
	r.t.Helper()
	if _, err := r.Subscriptions.Seek(pulled, to).Do(); err != nil {
		r.t.Fatal(err)
	}
}

func TestWhatIsPulledIsLeasedUntilItIsAcknowledged(t *testing.T) {
	r := open(t, &client.Subscription{})
	r.publish("a", "b")
	first := r.pull()
	r.want(first, "a", "b")
	if first[0].Message.MessageId == "" || first[0].Message.PublishTime == "" || first[0].DeliveryAttempt != 0 {
		t.Errorf("pulled %+v", first[0])
	}
	r.want(r.pull()) // both are leased
	r.acknowledge(first[:1])
	nack := &client.ModifyAckDeadlineRequest{AckIds: []string{first[1].AckId},
		ForceSendFields: []string{"AckDeadlineSeconds"}}
	if _, err := r.Subscriptions.ModifyAckDeadline(pulled, nack).Do(); err != nil {
		t.Fatal(err)
	}
	second := r.pull()
	r.want(second, "b")
	r.acknowledge(first[1:]) // the id of a lease that ended
	if _, err := r.Subscriptions.ModifyAckDeadline(pulled, &client.ModifyAckDeadlineRequest{
		AckIds: []string{second[0].AckId}, AckDeadlineSeconds: 1}).Do(); err != nil {
		t.Fatal(err)
	}
	waited, err := r.Subscriptions.Pull(pulled, &client.PullRequest{MaxMessages: 1}).Do()
	if err != nil {
		t.Fatal(err)
	}
	r.want(waited.ReceivedMessages, "b") // its deadline passed
	r.acknowledge(waited.ReceivedMessages)
	r.want(r.pull())
}

func TestSeekForgetsAndBringsBack(t *testing.T) {
	r := open(t, &client.Subscription{RetainAckedMessages: true})
	r.publish("a", "b")
	time.Sleep(2 * time.Millisecond)
	between := time.Now()
	time.Sleep(2 * time.Millisecond)
	r.publish("c")
	r.acknowledge(r.pull())
	r.want(r.pull())
	r.seek(&client.SeekRequest{Time: between.Format(time.RFC3339Nano)})
	r.want(r.pull(), "c")
	r.seek(&client.SeekRequest{Time: between.Add(-time.Hour).Format(time.RFC3339Nano)})
	r.want(r.pull(), "a", "b") // c is leased
	r.seek(&client.SeekRequest{Time: time.Now().Add(time.Hour).Format(time.RFC3339Nano)})
	r.want(r.pull())

	const kept = "projects/demo-project/snapshots/kept"
	r.publish("d")
	made, err := r.Snapshots.Create(kept, &client.CreateSnapshotRequest{Subscription: pulled}).Do()
	if err != nil || made.Topic != orders || made.ExpireTime == "" {
		t.Fatalf("snapshot %+v, %v", made, err)
	}
	r.acknowledge(r.pull())
	r.publish("e")
	r.acknowledge(r.pull())
	r.seek(&client.SeekRequest{Snapshot: kept})
	r.want(r.pull(), "d", "e")
	if list, err := r.Snapshots.List("projects/demo-project").Do(); err != nil || len(list.Snapshots) != 1 {
		t.Errorf("listed %+v, %v", list, err)
	}
	if _, err := r.Snapshots.Delete(kept).Do(); err != nil {
		t.Error(err)
	}
	if _, err := r.Snapshots.Get(kept).Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("a snapshot that was deleted: %v", err)
	}
}

func TestAFilterLetsThroughWhatItSays(t *testing.T) {
	for filter, want := range map[string]bool{
		`attributes:kind`:                                              true,
		`attributes.kind = "order"`:                                    true,
		`attributes.kind != "order"`:                                   false,
		`attributes.other != "order"`:                                  true,
		`NOT attributes:kind`:                                          false,
		`hasPrefix(attributes.kind, "ord")`:                            true,
		`hasPrefix(attributes."kind", "x")`:                            false,
		`attributes:kind AND attributes:none`:                          false,
		`attributes:none OR (attributes:kind AND NOT attributes:none)`: true,
	} {
		r := open(t, &client.Subscription{Filter: filter})
		r.send(&client.PubsubMessage{Attributes: map[string]string{"kind": "order"}})
		if got := len(r.pull()) == 1; got != want {
			t.Errorf("%s lets the message through: %t, want %t", filter, got, want)
		}
	}
}

func TestMessagesWithAnOrderingKeyAreHeldBack(t *testing.T) {
	r := open(t, &client.Subscription{EnableMessageOrdering: true})
	for _, each := range []string{"a", "b"} {
		r.send(&client.PubsubMessage{OrderingKey: "one", Data: base64.StdEncoding.EncodeToString([]byte(each))})
	}
	first, err := r.Subscriptions.Pull(pulled, &client.PullRequest{MaxMessages: 1}).Do()
	if err != nil {
		t.Fatal(err)
	}
	r.want(first.ReceivedMessages, "a")
	r.want(r.pull())
	r.acknowledge(first.ReceivedMessages)
	r.want(r.pull(), "b")
}

func TestAPulledMessageThatRunsOutOfAttemptsIsADeadLetter(t *testing.T) {
	api, base := projects(t)
	r := room{t, api, base}
	r.topic(orders)
	r.topic(letters)
	r.subscribe(pulled, &client.Subscription{Topic: orders, DeadLetterPolicy: &client.DeadLetterPolicy{
		DeadLetterTopic: letters, MaxDeliveryAttempts: 5}})
	const dead = "projects/demo-project/subscriptions/dead"
	r.subscribe(dead, &client.Subscription{Topic: letters})
	r.publish("a")
	for attempt := int64(1); attempt <= 5; attempt++ {
		got := r.pull()
		if len(got) != 1 || got[0].DeliveryAttempt != attempt {
			t.Fatalf("attempt %d: pulled %+v", attempt, got)
		}
		if _, err := r.Subscriptions.ModifyAckDeadline(pulled, &client.ModifyAckDeadlineRequest{
			AckIds: []string{got[0].AckId}, ForceSendFields: []string{"AckDeadlineSeconds"}}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	r.want(r.pull())
	got, err := r.Subscriptions.Pull(dead, &client.PullRequest{MaxMessages: 1}).Do()
	if err != nil {
		t.Fatal(err)
	}
	r.want(got.ReceivedMessages, "a")
	if from := got.ReceivedMessages[0].Message.Attributes["CloudPubSubDeadLetterSourceSubscription"]; from != "pulled" {
		t.Errorf("dead letter of subscription %q", from)
	}
}

// pushes is an endpoint that refuses at first.
type pushes struct {
	mu      sync.Mutex
	refuses int
	bodies  []string
}

func (p *pushes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = append(p.bodies, string(body))
	if p.refuses != 0 {
		p.refuses--
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (p *pushes) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.bodies)
}

func TestAPushIsRetriedAndThenADeadLetter(t *testing.T) {
	api, base := projects(t)
	r := room{t, api, base}
	r.topic(orders)
	r.topic(letters)
	endpoint := &pushes{refuses: 2}
	server := httptest.NewServer(endpoint)
	t.Cleanup(server.Close)
	const name, dead = "projects/demo-project/subscriptions/push", "projects/demo-project/subscriptions/dead"
	r.subscribe(dead, &client.Subscription{Topic: letters})
	r.subscribe(name, &client.Subscription{Topic: orders, PushConfig: &client.PushConfig{PushEndpoint: server.URL},
		RetryPolicy:      &client.RetryPolicy{MinimumBackoff: "0.001s", MaximumBackoff: "0.002s"},
		DeadLetterPolicy: &client.DeadLetterPolicy{DeadLetterTopic: letters, MaxDeliveryAttempts: 5}})
	r.publish("a")
	await(t, "the third attempt is accepted", func() bool {
		return endpoint.count() == 3 && lastAnswer(t, r.base, name) == http.StatusOK
	})
	var body struct {
		Subscription    string
		DeliveryAttempt int
		Message         struct{ Data []byte }
	}
	if err := json.Unmarshal([]byte(endpoint.bodies[2]), &body); err != nil || body.Subscription != name ||
		body.DeliveryAttempt != 3 || string(body.Message.Data) != "a" {
		t.Errorf("pushed %s, %v", endpoint.bodies[2], err)
	}
	endpoint.mu.Lock()
	endpoint.refuses = -1 // always
	endpoint.mu.Unlock()
	r.publish("b")
	await(t, "the letter is dead after five attempts", func() bool { return endpoint.count() == 8 })
	got, err := r.Subscriptions.Pull(dead, &client.PullRequest{MaxMessages: 1}).Do()
	if err != nil {
		t.Fatal(err)
	}
	r.want(got.ReceivedMessages, "b")
}

func TestAPushFollowsItsSubscription(t *testing.T) {
	r := open(t, &client.Subscription{})
	first, second := &pushes{}, &pushes{}
	for name, each := range map[string]*pushes{"first": first, "second": second} {
		server := httptest.NewServer(each)
		t.Cleanup(server.Close)
		name := "projects/demo-project/subscriptions/" + name
		r.subscribe(name, &client.Subscription{Topic: orders})
		patch := &client.UpdateSubscriptionRequest{UpdateMask: "push_config.push_endpoint",
			Subscription: &client.Subscription{PushConfig: &client.PushConfig{PushEndpoint: server.URL}}}
		if _, err := r.Subscriptions.Patch(name, patch).Do(); err != nil {
			t.Fatal(err)
		}
	}
	r.publish("a")
	await(t, "both are pushed to", func() bool { return first.count() == 1 && second.count() == 1 })
	if _, err := r.Subscriptions.ModifyPushConfig("projects/demo-project/subscriptions/first",
		&client.ModifyPushConfigRequest{PushConfig: &client.PushConfig{}}).Do(); err != nil {
		t.Fatal(err)
	}
	r.publish("b")
	await(t, "the other is pushed to", func() bool { return second.count() == 2 })
	if _, err := r.Subscriptions.Delete("projects/demo-project/subscriptions/second").Do(); err != nil {
		t.Fatal(err)
	}
	got, err := r.Subscriptions.Pull("projects/demo-project/subscriptions/first", &client.PullRequest{MaxMessages: 5}).Do()
	if err != nil {
		t.Fatal(err)
	}
	r.want(got.ReceivedMessages, "b")
	if first.count() != 1 {
		t.Errorf("pushed %d times to an endpoint that is not there any more", first.count())
	}
}

func TestSchemasAreKeptWithTheirRevisions(t *testing.T) {
	api, _ := projects(t)
	const project, name = "projects/demo-project", "projects/demo-project/schemas/order"
	one := &client.Schema{Type: "AVRO", Definition: `{"type":"record","name":"order","fields":[]}`}
	made, err := api.Schemas.Create(project, one).SchemaId("order").Do()
	if err != nil || made.Name != name || made.RevisionId == "" || made.RevisionCreateTime == "" {
		t.Fatalf("made %+v, %v", made, err)
	}
	two := &client.Schema{Name: name, Type: "AVRO", Definition: `{"type":"string"}`}
	if _, err := api.Schemas.Commit(name, &client.CommitSchemaRequest{Schema: two}).Do(); err != nil {
		t.Fatal(err)
	}
	got, err := api.Schemas.Get(name).Do()
	if err != nil || got.Definition != two.Definition {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := api.Schemas.Get(name + "@" + made.RevisionId).Do(); err != nil || got.Definition != one.Definition {
		t.Errorf("the first revision is %+v, %v", got, err)
	}
	if list, err := api.Schemas.List(project).Do(); err != nil || len(list.Schemas) != 1 ||
		list.Schemas[0].Definition != "" {
		t.Errorf("listed %+v, %v", list, err)
	}
	if list, err := api.Schemas.ListRevisions(name).View("FULL").Do(); err != nil || len(list.Schemas) != 2 {
		t.Errorf("revisions %+v, %v", list, err)
	}
	if _, err := api.Schemas.DeleteRevision(name + "@" + got.RevisionId).Do(); err != nil {
		t.Error(err)
	}
	if _, err := api.Schemas.Validate(project, &client.ValidateSchemaRequest{Schema: one}).Do(); err != nil {
		t.Error(err)
	}
	wrong := &client.ValidateSchemaRequest{Schema: &client.Schema{Type: "AVRO", Definition: "{"}}
	if _, err := api.Schemas.Validate(project, wrong).Do(); clienttest.Code(err) != http.StatusBadRequest {
		t.Errorf("a definition that is not JSON: %v", err)
	}
	if _, err := api.Schemas.Delete(name).Do(); err != nil {
		t.Error(err)
	}
	if _, err := api.Schemas.Get(name).Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestWrongCallsAreRefusedInGooglesWords(t *testing.T) {
	r := open(t, &client.Subscription{})
	for _, tc := range []struct {
		call, body, status, message string
		code                        int
	}{
		{"GET topics/none", "", "NOT_FOUND", "Resource not found (resource=none).", 404},
		{"PUT topics/orders", "{}", "ALREADY_EXISTS", "Resource already exists in the project (resource=orders).", 409},
		{"PUT topics/or", "{}", "INVALID_ARGUMENT", "Invalid resource name given", 400},
		{"PUT topics/other", `{"colour": "red"}`, "INVALID_ARGUMENT",
			`Invalid JSON payload received. Unknown name "colour": Cannot find field.`, 400},
		{"PUT topics/other", `{"labels": "red"}`, "INVALID_ARGUMENT", "Invalid value at 'labels'", 400},
		{"PATCH subscriptions/pulled", `{"subscription": {"ackDeadlineSeconds": 20}}`, "INVALID_ARGUMENT",
			"The update_mask in the UpdateSubscriptionRequest must be set", 400},
		{"PATCH subscriptions/pulled", `{"subscription": {}, "updateMask": "topic"}`, "INVALID_ARGUMENT",
			"the 'topic' field in the Subscription is not mutable", 400},
		{"PATCH subscriptions/pulled", `{"subscription": {"ackDeadlineSeconds": 5}, "updateMask": "ackDeadlineSeconds"}`,
			"INVALID_ARGUMENT", "Ack deadlines must be between 10 and 600 seconds", 400},
		{"POST topics/orders:publish", `{"messages": [{}]}`, "INVALID_ARGUMENT", "publish request is empty", 400},
		{"POST topics/none:publish", `{"messages": [{"data": "aA=="}]}`, "NOT_FOUND",
			"Resource not found (resource=none).", 404},
		{"POST subscriptions/pulled:pull", `{}`, "INVALID_ARGUMENT", "must be greater than zero", 400},
		{"POST subscriptions/none:pull", `{"maxMessages": 1}`, "NOT_FOUND", "Resource not found (resource=none).", 404},
		{"POST subscriptions/pulled:seek", `{"snapshot": "projects/demo-project/snapshots/none"}`, "NOT_FOUND",
			"Resource not found (resource=none).", 404},
		{"PUT subscriptions/other", `{"topic": "projects/demo-project/topics/orders", "filter": "colour"}`,
			"INVALID_ARGUMENT", "Invalid filter", 400},
		{"PUT subscriptions/other", `{"topic": "projects/demo-project/topics/orders", "pushConfig": {"pushEndpoint": "x"}}`,
			"INVALID_ARGUMENT", "Invalid push endpoint given (endpoint=x).", 400},
	} {
		verb, path, _ := strings.Cut(tc.call, " ")
		request, err := http.NewRequestWithContext(t.Context(), verb, r.base+"/v1/projects/demo-project/"+path,
			strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Error struct {
				Code            int
				Status, Message string
			}
		}
		err = json.NewDecoder(response.Body).Decode(&answer)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != tc.code || answer.Error.Code != tc.code ||
			answer.Error.Status != tc.status || !strings.Contains(answer.Error.Message, tc.message) {
			t.Errorf("%s %s: %d %+v, %v; want %d %s %q", tc.call, tc.body, response.StatusCode, answer.Error, err, tc.code,
				tc.status, tc.message)
		}
	}
}

func TestListsComeInPages(t *testing.T) {
	r := open(t, &client.Subscription{})
	r.topic("projects/demo-project/topics/another")
	page, err := r.Topics.List("projects/demo-project").PageSize(1).Do()
	if err != nil || len(page.Topics) != 1 || page.NextPageToken == "" {
		t.Fatalf("first page %+v, %v", page, err)
	}
	rest, err := r.Topics.List("projects/demo-project").PageToken(page.NextPageToken).Do()
	if err != nil || len(rest.Topics) != 1 || rest.Topics[0].Name != orders || rest.NextPageToken != "" {
		t.Errorf("the rest %+v, %v", rest, err)
	}
	names, err := r.Topics.Subscriptions.List(orders).Do()
	if err != nil || !cmp.Equal(names.Subscriptions, []string{pulled}) {
		t.Errorf("subscriptions of the topic %+v, %v", names, err)
	}
	if _, err := r.Subscriptions.Detach(pulled).Do(); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Subscriptions.Get(pulled).Do(); err != nil || !got.Detached {
		t.Errorf("detached %+v, %v", got, err)
	}
	if _, err := r.Subscriptions.Pull(pulled, &client.PullRequest{MaxMessages: 1}).Do(); clienttest.Code(err) != http.StatusBadRequest {
		t.Errorf("pulling from a detached subscription: %v", err)
	}
}
