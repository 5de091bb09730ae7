package storage_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	gcs "google.golang.org/api/storage/v1"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/localcloud/storage"
)

// evidence is a bucket that retains objects for a day, and a clock that the test turns.
func evidence(t *testing.T) (client *gcs.Service, later func(time.Duration)) {
	t.Helper()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	k := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe,
		Clock: func() time.Time { return now }})
	k.Serve(resourcemanager.New(k, resourcemanager.Options{}))
	k.Serve(storage.New(k).API())
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	client, err := gcs.NewService(t.Context(), option.WithEndpoint(server.URL+"/storage/v1/"),
		option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.Buckets.Insert("demo-project", &gcs.Bucket{Name: "evidence", Location: "us",
		RetentionPolicy: &gcs.BucketRetentionPolicy{RetentionPeriod: 86400}}).Do()
	if err != nil || made.RetentionPolicy.RetentionPeriod != 86400 || made.RetentionPolicy.IsLocked ||
		made.RetentionPolicy.EffectiveTime == "" {
		t.Fatalf("creating the bucket: %+v, %v", made, err)
	}
	return client, func(by time.Duration) { now = now.Add(by) }
}

// refusedBecause is the status and the reason of an error, 0 of none.
func refusedBecause(err error) (int, string) {
	answer, ok := err.(*googleapi.Error)
	if !ok {
		return 0, ""
	}
	if len(answer.Errors) == 0 {
		return answer.Code, ""
	}
	return answer.Code, answer.Errors[0].Reason
}

func TestARetainedObjectIsNeitherDeletedNorOverwritten(t *testing.T) {
	client, later := evidence(t)
	put := func() error {
		_, err := client.Objects.Insert("evidence",
			&gcs.Object{Name: "report"}).Media(strings.NewReader("{}")).Do()
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	shown, err := client.Objects.Get("evidence", "report").Do()
	if err != nil || !strings.HasPrefix(shown.RetentionExpirationTime, "2026-11-30T12:00:00") {
		t.Errorf("retained until %q, %v; want a day after", shown.RetentionExpirationTime, err)
	}
	if _, err := client.Objects.Patch("evidence", "report",
		&gcs.Object{Metadata: map[string]string{"seen": "yes"}}).Do(); err != nil {
		t.Errorf("changing its metadata: %v", err)
	}
	later(23 * time.Hour)
	for what, err := range map[string]error{"deleting": client.Objects.Delete("evidence", "report").Do(),
		"overwriting": put()} {
		if code, reason := refusedBecause(err); code != http.StatusForbidden ||
			reason != "retentionPolicyNotMet" {
			t.Errorf("%s it after 23 hours: %v, want 403 retentionPolicyNotMet", what, err)
		}
	}
	later(time.Hour + time.Second)
	if err := put(); err != nil {
		t.Errorf("overwriting it after a day: %v", err)
	}
	later(25 * time.Hour)
	if err := client.Objects.Delete("evidence", "report").Do(); err != nil {
		t.Errorf("deleting it after another day: %v", err)
	}
}

func TestALockedRetentionIsOnlyMadeLonger(t *testing.T) {
	client, _ := evidence(t)
	period := func(seconds int64) error {
		_, err := client.Buckets.Patch("evidence", &gcs.Bucket{
			RetentionPolicy: &gcs.BucketRetentionPolicy{RetentionPeriod: seconds}}).Do()
		return err
	}
	remove := func() error {
		_, err := client.Buckets.Patch("evidence", &gcs.Bucket{NullFields: []string{"RetentionPolicy"}}).Do()
		return err
	}
	if err := period(3600); err != nil {
		t.Errorf("shortening what is not locked: %v", err)
	}
	if code := refusedWith(period(4_000_000_000)); code != http.StatusBadRequest {
		t.Errorf("a period of more than a century: %d, want 400", code)
	}
	bucket, err := client.Buckets.Get("evidence").Do()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Buckets.LockRetentionPolicy("evidence",
		bucket.Metageneration+1).Do(); refusedWith(err) != http.StatusPreconditionFailed {
		t.Errorf("locking another version: %v, want 412", err)
	}
	locked, err := client.Buckets.LockRetentionPolicy("evidence", bucket.Metageneration).Do()
	if err != nil || !locked.RetentionPolicy.IsLocked || locked.RetentionPolicy.RetentionPeriod != 3600 {
		t.Fatalf("locking: %+v, %v", locked, err)
	}
	for what, err := range map[string]error{"shortening": period(3599), "removing": remove()} {
		if refusedWith(err) != http.StatusForbidden {
			t.Errorf("%s it: %v, want 403", what, err)
		}
	}
	if err := period(7200); err != nil {
		t.Errorf("making it longer: %v", err)
	}
	read, err := client.Buckets.Get("evidence").Do()
	if err != nil || !read.RetentionPolicy.IsLocked || read.RetentionPolicy.RetentionPeriod != 7200 {
		t.Errorf("afterwards: %+v, %v", read.RetentionPolicy, err)
	}
}
