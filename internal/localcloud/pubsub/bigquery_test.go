package pubsub_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bigquery "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/option"
	client "google.golang.org/api/pubsub/v1"
)

// TestASubscriptionWritesRows publishes one message to subscriptions of three tables: its
// data alone, its data with metadata, and its fields. The message that does not fit goes
// to the dead-letter topic.
func TestASubscriptionWritesRows(t *testing.T) {
	api, url := projects(t)
	tables, err := bigquery.NewService(t.Context(), option.WithEndpoint(url+"/bigquery/v2/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	const project, topic, dead = "demo-project", "projects/demo-project/topics/orders", "projects/demo-project/topics/dead"
	if _, err := tables.Datasets.Insert(project, &bigquery.Dataset{
		DatasetReference: &bigquery.DatasetReference{DatasetId: "shop"}}).Do(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{topic, dead} {
		if _, err := api.Topics.Create(name, &client.Topic{}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.Subscriptions.Create("projects/demo-project/subscriptions/letters", &client.Subscription{Topic: dead}).Do(); err != nil {
		t.Fatal(err)
	}
	for name, each := range map[string]struct {
		columns string
		config  client.BigQueryConfig
	}{
		"data": {"data:STRING", client.BigQueryConfig{}},
		"metadata": {"data:BYTES attributes:JSON message_id:STRING publish_time:TIMESTAMP subscription_name:STRING",
			client.BigQueryConfig{WriteMetadata: true}},
		"fields": {"id:STRING amount:INTEGER", client.BigQueryConfig{UseTableSchema: true, DropUnknownFields: true}},
		"strict": {"id:STRING", client.BigQueryConfig{UseTableSchema: true}},
	} {
		table := &bigquery.Table{TableReference: &bigquery.TableReference{TableId: name}, Schema: &bigquery.TableSchema{}}
		for column := range strings.FieldsSeq(each.columns) {
			column, kind, _ := strings.Cut(column, ":")
			table.Schema.Fields = append(table.Schema.Fields, &bigquery.TableFieldSchema{Name: column, Type: kind})
		}
		if _, err := tables.Tables.Insert(project, "shop", table).Do(); err != nil {
			t.Fatal(err)
		}
		each.config.Table = "demo-project.shop." + name
		if _, err := api.Subscriptions.Create("projects/demo-project/subscriptions/"+name, &client.Subscription{
			Topic: topic, BigqueryConfig: &each.config, RetryPolicy: &client.RetryPolicy{MinimumBackoff: "0.001s", MaximumBackoff: "0.002s"},
			DeadLetterPolicy: &client.DeadLetterPolicy{DeadLetterTopic: dead, MaxDeliveryAttempts: 5}}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	const text = `{"id":"a","amount":7,"note":"x"}`
	data := base64.StdEncoding.EncodeToString([]byte(text))
	sent, err := api.Topics.Publish(topic, &client.PublishRequest{Messages: []*client.PubsubMessage{
		{Data: data, Attributes: map[string]string{"kind": "new"}}}}).Do()
	if err != nil {
		t.Fatal(err)
	}
	rows := func(table string) (cells []string) {
		list, err := tables.Tabledata.List(project, "shop", table).Do()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range list.Rows {
			for _, cell := range row.F {
				cells = append(cells, fmt.Sprint(cell.V))
			}
		}
		return cells
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if len(rows("data")) > 0 && len(rows("metadata")) > 0 && len(rows("fields")) > 0 {
			break
		}
	}
	if diff := cmp.Diff([]string{text}, rows("data")); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "7"}, rows("fields")); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	got := rows("metadata")
	if len(got) == 5 {
		got[3] = "" // when it was published
	}
	want := []string{data, `{"kind":"new"}`, sent.MessageIds[0], "", "projects/demo-project/subscriptions/metadata"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	var letters []*client.ReceivedMessage
	for deadline := time.Now().Add(30 * time.Second); len(letters) == 0 && time.Now().Before(deadline); {
		pulled, err := api.Subscriptions.Pull("projects/demo-project/subscriptions/letters", &client.PullRequest{MaxMessages: 5}).Do()
		if err != nil {
			t.Fatal(err)
		}
		letters = pulled.ReceivedMessages
	}
	if len(letters) != 1 || letters[0].Message.Data != data {
		text, _ := json.Marshal(letters) // of Google's client
		t.Errorf("dead letters: %s, want the message that did not fit the strict table", text)
	}
	if got := rows("strict"); len(got) > 0 {
		t.Errorf("the strict table: %q, want no row", got)
	}
}
