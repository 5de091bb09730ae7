package storage_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	gcs "google.golang.org/api/storage/v1"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/localcloud/storage"
)

type cloud struct {
	*apiserver.Server
	log *[]apiserver.AuditRecord
	url string
}

func start(t *testing.T) (cloud, *gcs.Service) {
	t.Helper()
	var log []apiserver.AuditRecord
	k := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now, Audit: func(r apiserver.AuditRecord) { log = append(log, r) }})
	k.Serve(resourcemanager.New(k, resourcemanager.Options{}))
	k.Serve(storage.New(k).API())
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	client, err := gcs.NewService(t.Context(), option.WithEndpoint(server.URL+"/storage/v1/"),
		option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return cloud{k, &log, server.URL}, client
}

func made(t *testing.T, client *gcs.Service, name string) {
	t.Helper()
	bucket, err := client.Buckets.Insert("demo-project", &gcs.Bucket{
		Name: name, Location: "europe-west1", Versioning: &gcs.BucketVersioning{Enabled: true},
		IamConfiguration: &gcs.BucketIamConfiguration{PublicAccessPrevention: "enforced"},
	}).Do()
	if err != nil || bucket.Location != "EUROPE-WEST1" || !bucket.Versioning.Enabled {
		t.Fatalf("creating %s: %+v, %v", name, bucket, err)
	}
}

func TestGooglesClientKeepsObjects(t *testing.T) {
	c, client := start(t)
	made(t, client, "memory")
	written, err := client.Objects.Insert("memory", &gcs.Object{Name: "service/p/l/s"}).
		Media(strings.NewReader("{}"), googleapi.ContentType("application/json")).IfGenerationMatch(0).Do()
	if err != nil || written.Generation == 0 || written.Size != 2 {
		t.Fatalf("inserting: %+v, %v", written, err)
	}
	read, err := client.Objects.Get("memory", "service/p/l/s").Do()
	if diff := cmp.Diff(written.Generation, read.Generation); diff != "" || err != nil ||
		read.ContentType != "application/json" {
		t.Errorf("metadata: %+v, %v", read, err)
	}
	content, err := client.Objects.Get("memory", "service/p/l/s").Download()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Body.Close()
	if data, err := io.ReadAll(content.Body); err != nil || string(data) != "{}" ||
		content.Header.Get("Content-Type") != "application/json" {
		t.Errorf("content: %q, %v, %v", data, err, content.Header)
	}
	if state, err := json.Marshal(c.State()["storage"]); err != nil ||
		!strings.Contains(string(state), "projects/_/buckets/memory/objects/service/p/l/s") {
		t.Errorf("state: %s, %v", state, err)
	}
	if err := client.Objects.Delete("memory", "service/p/l/s").IfGenerationMatch(written.Generation).Do(); err != nil {
		t.Errorf("deleting: %v", err)
	}
	c.Reset()
	if buckets, err := client.Buckets.List("demo-project").Do(); err != nil || len(buckets.Items) != 0 {
		t.Errorf("after a reset: %+v, %v", buckets, err)
	}
}

func TestErrorsAreGooglesOwn(t *testing.T) {
	_, client := start(t)
	made(t, client, "memory")
	insert := func(name string, generation int64) error {
		_, err := client.Objects.Insert("memory", &gcs.Object{Name: name}).Media(strings.NewReader("x")).IfGenerationMatch(
			generation).Do()
		return err
	}
	if err := insert("a", 0); err != nil {
		t.Fatal(err)
	}
	const precondition = "At least one of the pre-conditions you specified did not hold."
	for _, tc := range []struct {
		name            string
		call            func() error
		code            int
		reason, message string
	}{
		{"a stale generation", func() error { return insert("a", 1) }, 412, "conditionNotMet", precondition},
		{"an object that exists", func() error { return insert("a", 0) }, 412, "conditionNotMet", precondition},
		{"a generation of no object", func() error { return insert("b", 1) }, 412, "conditionNotMet", precondition},
		{"deleting a stale generation", func() error {
			return client.Objects.Delete("memory", "a").IfGenerationMatch(1).Do()
		}, 412, "conditionNotMet", precondition},
		{"no object", func() error { _, err := client.Objects.Get("memory", "b/c").Do(); return err }, 404, "notFound",
			"No such object: memory/b/c"},
		{"no bucket", func() error { _, err := client.Objects.List("other").Do(); return err }, 404, "notFound",
			"The specified bucket does not exist."},
		{"a bucket that exists", func() error {
			_, err := client.Buckets.Insert("demo-project", &gcs.Bucket{Name: "memory"}).Do()
			return err
		}, 409, "conflict", "Your previous request to create the named bucket succeeded and you already own it."},
		{"a bucket that is not empty", func() error { return client.Buckets.Delete("memory").Do() }, 409, "conflict",
			"The bucket you tried to delete is not empty."},
		{"a bucket's name", func() error {
			_, err := client.Buckets.Insert("demo-project", &gcs.Bucket{Name: "UPPER"}).Do()
			return err
		}, 400, "invalid", "Invalid bucket name: 'UPPER'"},
		{"another project", func() error {
			_, err := client.Buckets.Insert("other",
				&gcs.Bucket{Name: "memory"}).Do()
			return err
		}, 400, "invalid", "Unknown project id: other"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got *googleapi.Error
			if err := tc.call(); !errors.As(err, &got) {
				t.Fatalf("%v, want an error of the API", err)
			}
			if got.Code != tc.code || got.Message != tc.message || len(got.Errors) != 1 || got.Errors[0].Reason != tc.reason {
				t.Errorf("%d %q %+v, want %d %q %s", got.Code, got.Message, got.Errors, tc.code, tc.message, tc.reason)
			}
		})
	}
}

func TestDamagedUploadsAreRefused(t *testing.T) {
	c, client := start(t)
	made(t, client, "memory")
	if _, err := client.Objects.Insert("memory", &gcs.Object{Name: "a", Crc32c: "AAAAAA=="}).Media(
		strings.NewReader("x")).Do(); err == nil {
		t.Error("a wrong checksum is accepted")
	}
	const related = "multipart/related; boundary=b"
	for name, tc := range map[string]struct{ query, contentType, body string }{
		"no boundary":   {"uploadType=multipart", "application/json", "{}"},
		"one part":      {"uploadType=multipart", related, "--b\r\n\r\n{\"name\": \"a\"}\r\n--b--"},
		"no end":        {"uploadType=multipart", related, "--b\r\n\r\n{\"name\": \"a\"}\r\n--b\r\n\r\nhalf"},
		"no metadata":   {"uploadType=multipart", related, "--b\r\n\r\nname\r\n--b\r\n\r\nx\r\n--b--"},
		"no name":       {"uploadType=media", "text/plain", "x"},
		"a line's end":  {"uploadType=media&name=a%0Ab", "text/plain", "x"},
		"nameless":      {"uploadType=resumable", "application/json", "{}"},
		"no message":    {"uploadType=resumable&name=a", "application/json", `{"x": 1}`},
		"no kind given": {"name=a", "text/plain", "x"},
	} {
		answer, err := http.Post(c.url+"/upload/storage/v1/b/memory/o?"+tc.query, tc.contentType, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s, want 400", name, answer.Status)
		}
	}
	if all, err := client.Objects.List("memory").Do(); err != nil || len(all.Items) != 0 {
		t.Errorf("objects: %+v, %v; want none", all, err)
	}
}

func TestBucketsAreLoggedAndObjectsAreNot(t *testing.T) {
	c, client := start(t)
	made(t, client, "memory")
	if _, err := client.Objects.Insert("memory", &gcs.Object{Name: "a"}).Media(strings.NewReader("x")).Do(); err != nil {
		t.Fatal(err)
	}
	if err := client.Objects.Delete("memory", "a").Do(); err != nil {
		t.Fatal(err)
	}
	if err := client.Buckets.Delete("memory").Do(); err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, record := range *c.log {
		methods = append(methods, record.Method)
	}
	if diff := cmp.Diff([]string{"storage.buckets.create", "storage.buckets.delete"}, methods); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func put(t *testing.T, client *gcs.Service, name, data string) *gcs.Object {
	t.Helper()
	written, err := client.Objects.Insert("memory", &gcs.Object{Name: name, Metadata: map[string]string{"a": "b"}}).
		Media(strings.NewReader(data), googleapi.ContentType("text/plain")).Do()
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func TestPreconditionsDecideWhatIsDone(t *testing.T) {
	_, client := start(t)
	made(t, client, "memory")
	written := put(t, client, "a", "x")
	const none, stale = int64(0), int64(1)
	code := func(_ any, err error) int { return refusedWith(err) }
	insert := func() *gcs.ObjectsInsertCall {
		return client.Objects.Insert("memory", &gcs.Object{Name: "a"}).Media(strings.NewReader("y"))
	}
	get, patch := client.Objects.Get("memory", "a"), client.Objects.Patch("memory", "a", &gcs.Object{CacheControl: "no-store"})
	for _, tc := range []struct {
		name string
		got  int
		want int
	}{
		{"read if it is this generation", code(get.IfGenerationMatch(written.Generation).Do()), 0},
		{"read if it is another generation", code(client.Objects.Get("memory", "a").IfGenerationMatch(stale).Do()), 412},
		{"read if it changed", code(client.Objects.Get("memory", "a").IfGenerationNotMatch(written.Generation).Do()), 304},
		{"read if the metadata changed", code(client.Objects.Get("memory", "a").IfMetagenerationNotMatch(1).Do()), 304},
		{"read another generation", code(client.Objects.Get("memory", "a").Generation(stale).Do()), 404},
		{"change metadata that nobody changed", code(patch.IfMetagenerationMatch(1).Do()), 0},
		{"change it with the version of before", code(patch.IfMetagenerationMatch(1).Do()), 412},
		{"write if there is an object", code(insert().IfGenerationNotMatch(none).Do()), 0},
		{"write if there is none", code(insert().IfGenerationMatch(none).Do()), 412},
		{"write over what was there before", code(insert().IfGenerationMatch(written.Generation).Do()), 412},
		{"write if there is an object, and there is none", code(client.Objects.Insert("memory", &gcs.Object{Name: "b"}).
			Media(strings.NewReader("y")).IfGenerationNotMatch(none).Do()), 412},
		{"read a bucket that did not change", code(client.Buckets.Get("memory").IfMetagenerationNotMatch(1).Do()), 304},
		{"delete a bucket with the version of before",
			refusedWith(client.Buckets.Delete("memory").IfMetagenerationMatch(7).Do()), 412},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, tc.got, tc.want)
		}
	}
	now, err := client.Objects.Get("memory", "a").Do()
	if err != nil || now.Metageneration != 1 || now.CacheControl != "" || now.Generation <= written.Generation || now.Size != 1 {
		t.Errorf("written over: %+v, %v, want a new generation with its own metadata", now, err)
	}
}

func TestObjectsAreListedAsFoldersAndPages(t *testing.T) {
	_, client := start(t)
	made(t, client, "memory")
	for _, name := range []string{"a-z", "a.txt", "a/1", "a/2", "a/b/1", "a/b/2", "b", "z/"} {
		put(t, client, name, "x")
	}
	list := func() *gcs.ObjectsListCall { return client.Objects.List("memory") }
	for _, tc := range []struct {
		name   string
		call   *gcs.ObjectsListCall
		want   string
		prefix string
	}{
		{"everything, by name", list(), "a-z a.txt a/1 a/2 a/b/1 a/b/2 b z/", ""},
		{"below a prefix", list().Prefix("a/"), "a/1 a/2 a/b/1 a/b/2", ""},
		{"a folder", list().Prefix("a/").Delimiter("/"), "a/1 a/2", "a/b/"},
		{"the top", list().Delimiter("/"), "a-z a.txt b", "a/ z/"},
		{"the top, with placeholders", list().Delimiter("/").IncludeTrailingDelimiter(true), "a-z a.txt b z/", "a/ z/"},
		{"from one name to another", list().StartOffset("a/2").EndOffset("b"), "a/2 a/b/1 a/b/2", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var names, prefixes []string
			err := tc.call.MaxResults(2).Pages(t.Context(), func(page *gcs.Objects) error {
				if len(page.Items)+len(page.Prefixes) > 2 {
					t.Errorf("a page of %d objects and %d prefixes, want 2 in all", len(page.Items), len(page.Prefixes))
				}
				for _, each := range page.Items {
					names = append(names, each.Name)
				}
				prefixes = append(prefixes, page.Prefixes...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tc.want, tc.prefix}, []string{strings.Join(names, " "), strings.Join(prefixes, " ")}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
