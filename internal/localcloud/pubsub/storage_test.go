package pubsub_test

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"
	client "google.golang.org/api/pubsub/v1"
	gcs "google.golang.org/api/storage/v1"
)

// TestASubscriptionWritesObjects publishes a message to a subscription of a bucket that
// Pub/Sub's agent may write to, and to one of a bucket that it may not.
func TestASubscriptionWritesObjects(t *testing.T) {
	api, url := projects(t)
	objects, err := gcs.NewService(t.Context(), option.WithEndpoint(url+"/storage/v1/"),
		option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	const topic, dead = "projects/demo-project/topics/orders", "projects/demo-project/topics/dead"
	for _, name := range []string{topic, dead} {
		if _, err := api.Topics.Create(name, &client.Topic{}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.Subscriptions.Create("projects/demo-project/subscriptions/letters",
		&client.Subscription{Topic: dead}).Do(); err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{"evidence", "closed"} {
		if _, err := objects.Buckets.Insert("demo-project", &gcs.Bucket{Name: bucket,
			Location: "us"}).Do(); err != nil {
			t.Fatal(err)
		}
		if bucket == "evidence" {
			const agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
			if _, err := objects.Buckets.SetIamPolicy(bucket, &gcs.Policy{Bindings: []*gcs.PolicyBindings{
				{Role: "roles/storage.objectCreator", Members: []string{agent}},
				{Role: "roles/storage.legacyBucketReader", Members: []string{agent}}}}).Do(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := api.Subscriptions.Create("projects/demo-project/subscriptions/"+bucket, &client.Subscription{
			Topic: topic, CloudStorageConfig: &client.CloudStorageConfig{Bucket: bucket,
				FilenamePrefix: "reports/",
				FilenameSuffix: ".jsonl", FilenameDatetimeFormat: "YYYY-MM-DD/hh_mm_ssZ"},
			RetryPolicy: &client.RetryPolicy{MinimumBackoff: "0.001s", MaximumBackoff: "0.002s"},
			DeadLetterPolicy: &client.DeadLetterPolicy{DeadLetterTopic: dead,
				MaxDeliveryAttempts: 5}}).Do(); err != nil {
			t.Fatal(err)
		}
	}
	const text = `{"id":"a"}`
	data := base64.StdEncoding.EncodeToString([]byte(text))
	if _, err := api.Topics.Publish(topic,
		&client.PublishRequest{Messages: []*client.PubsubMessage{{Data: data}}}).Do(); err != nil {
		t.Fatal(err)
	}
	var written []*gcs.Object
	var letters []*client.ReceivedMessage
	for deadline := time.Now().Add(30 * time.Second); (len(written) == 0 || len(letters) == 0) &&
		time.Now().Before(deadline); {
		list, err := objects.Objects.List("evidence").Do()
		if err != nil {
			t.Fatal(err)
		}
		written = list.Items
		pulled, err := api.Subscriptions.Pull("projects/demo-project/subscriptions/letters",
			&client.PullRequest{MaxMessages: 5}).Do()
		if err != nil {
			t.Fatal(err)
		}
		letters = append(letters, pulled.ReceivedMessages...)
	}
	if len(written) != 1 || !strings.HasPrefix(written[0].Name, "reports/20") ||
		!strings.HasSuffix(written[0].Name, ".jsonl") {
		t.Fatalf("%d objects %+v, want one of the form reports/20….jsonl", len(written), written)
	}
	content, err := objects.Objects.Get("evidence", written[0].Name).Download()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Body.Close()
	if got, err := io.ReadAll(content.Body); err != nil || string(got) != text+"\n" {
		t.Errorf("the object has %q, %v; want the message and a line break", got, err)
	}
	if len(letters) != 1 || letters[0].Message.Data != data {
		t.Errorf("%d dead letters, want the message for the bucket that is closed", len(letters))
	}
}
