package storage_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/memory/conformance"
)

const (
	guard   = "guard@demo-project.iam.gserviceaccount.com"
	memoirs = "projects/demo-project/roles/memory"
	bucket  = "gs://memory-of-guard"
)

// permissions are those that the bucket needs.
var permissions = []string{"storage.objects.create", "storage.objects.delete", "storage.objects.get",
	"storage.objects.list"}

// serve starts a local cloud with a bucket, in which the guard has some
// permissions.
func serve(t *testing.T, permissions ...string) string {
	t.Helper()
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t),
		Clock:  time.Now,
		Roles:  []apiserver.Role{{Name: memoirs, Permissions: permissions}},
		Grants: []resourcemanager.Grant{{Role: memoirs, Member: "serviceAccount:" + guard}},
	})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	post(t, server.URL+"/storage/v1/b?project=demo-project", `{"name": "memory-of-guard"}`)
	return server.URL
}

func post(t *testing.T, url, body string) {
	t.Helper()
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s", url, answer.Status)
	}
}

func open(t *testing.T, url, address string) memory.Store {
	t.Helper()
	opened, err := storage.Open(t.Context(),
		connect.Config{Endpoint: url, Self: guard, UserAgent: "iapguard/test"}, address)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestBucketConforms(t *testing.T) {
	conformance.Test(t, func(t *testing.T) memory.Store {
		return open(t, serve(t, permissions...), bucket)
	})
}

func TestListReadsEveryPage(t *testing.T) {
	store := open(t, serve(t, permissions...), bucket)
	const many = 1100 // more than the 1000 of one page
	for i := range many {
		if _, err := store.Put(t.Context(), "due/"+time.Unix(int64(i), 0).UTC().Format("15:04:05"), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int]int{0: many, 1050: 1050, 1000: 1000, 3: 3} {
		if got, err := store.List(t.Context(), memory.Query{Prefix: "due/", Limit: limit}); err != nil || len(got) != want {
			t.Errorf("limit %d: %d entries, %v; want %d", limit, len(got), err, want)
		}
	}
}

// calls are every use of a store, on an object that is there.
var calls = map[string]func(context.Context, memory.Store, int64) error{
	"get": func(ctx context.Context, s memory.Store, _ int64) error { _, err := s.Get(ctx, "a"); return err },
	"create": func(ctx context.Context, s memory.Store, _ int64) error {
		_, err := s.Put(ctx, "b", []byte("b"), 0)
		return err
	},
	"overwrite": func(ctx context.Context, s memory.Store, generation int64) error {
		_, err := s.Put(ctx, "a", []byte("b"), generation)
		return err
	},
	"list": func(ctx context.Context, s memory.Store, _ int64) error {
		_, err := s.List(ctx, memory.Query{})
		return err
	},
	"delete": func(ctx context.Context, s memory.Store, generation int64) error {
		return s.Delete(ctx, "a", generation)
	},
	"get missing": func(ctx context.Context, s memory.Store, _ int64) error { _, err := s.Get(ctx, "none"); return err },
}

func TestMissingPermissionIsNamed(t *testing.T) {
	missed := map[string][]string{}
	for _, missing := range permissions {
		without := slices.DeleteFunc(slices.Clone(permissions), func(p string) bool { return p == missing })
		for name, call := range calls {
			url := serve(t, without...)
			owner, err := storage.Open(t.Context(), connect.Config{Endpoint: url}, bucket)
			if err != nil {
				t.Fatal(err)
			}
			generation, err := owner.Put(t.Context(), "a", []byte("a"), 0)
			if err != nil {
				t.Fatal(err)
			}
			refused := fault.Of(call(t.Context(), open(t, url, bucket), generation))
			if refused.Err != nil {
				if refused.Kind != fault.Denied && name != "get missing" ||
					refused.Permission != missing && refused.Kind == fault.Denied {
					t.Errorf("%s without %s: %v of kind %q, permission %q", name, missing, refused.Err, refused.Kind,
						refused.Permission)
				}
			}
			if refused.Kind == fault.Denied {
				missed[missing] = append(missed[missing], name)
			}
		}
	}
	for _, names := range missed {
		slices.Sort(names)
	}
	want := map[string][]string{
		"storage.objects.create": {"create", "overwrite"}, "storage.objects.delete": {"delete", "overwrite"},
		"storage.objects.get": {"get", "get missing"}, "storage.objects.list": {"get missing", "list"},
	}
	if diff := cmp.Diff(want, missed); diff != "" {
		t.Errorf("which calls need which permission (-want +got):\n%s", diff)
	}
}

func TestMissingBucketIsNotMissingObject(t *testing.T) {
	store := open(t, serve(t, permissions...), "gs://another-bucket")
	for name, call := range calls {
		err := fault.Of(call(t.Context(), store, 1))
		if err.Err == nil || err.Kind != fault.Invalid || !strings.Contains(err.Error(), "bucket does not exist") {
			t.Errorf("%s: %q of kind %q, want invalid: the bucket does not exist", name, err.Err, err.Kind)
		}
	}
}

func TestRefusedDownloadIsUnderstoodInEveryForm(t *testing.T) {
	const text = "guard does not have storage.objects.get access to the Google Cloud Storage object. " +
		"Permission 'storage.objects.get' denied on resource (or it may not exist)."
	for name, body := range map[string]string{
		"text": text + "\n",
		"JSON": `{"error": {"code": 403, "message": "` + text + `", "errors": [{"reason": "forbidden"}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
				_ *http.Request) {
				http.Error(w, body, http.StatusForbidden)
			}))
			defer server.Close()
			_, err := open(t, server.URL, bucket).Get(t.Context(), "a")
			if got := fault.Of(err); got.Kind != fault.Denied || got.Permission != "storage.objects.get" ||
				strings.Contains(got.Error(), "\n") {
				t.Errorf("%v of kind %q, permission %q", err, got.Kind, got.Permission)
			}
		})
	}
}

func TestTooManyWritesAreQuota(t *testing.T) {
	url := serve(t, permissions...)
	post(t, url+"/_local/faults", `[{"method": "storage.objects.insert", "action": "status", "status": 429}]`)
	_, err := open(t, url, bucket).Put(t.Context(), "a", nil, 0)
	if got := fault.Of(err).Kind; err == nil || got != fault.Quota {
		t.Errorf("%v of kind %q, want quota", err, got)
	}
}

func TestBucketIsWrittenByTheGuardAlone(t *testing.T) {
	url := serve(t, permissions...)
	ctx := connect.As(t.Context(), "writer@demo-project.iam.gserviceaccount.com")
	store := open(t, url, bucket)
	generation, err := store.Put(ctx, "a", []byte("a"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"get", "list", "delete"} {
		if err := calls[name](ctx, store, generation); err != nil {
			t.Errorf("%s in another account's name: %v", name, err)
		}
	}
}

func TestAddressOfABucket(t *testing.T) {
	for address, want := range map[string]bool{
		"gs://memory-of-guard": true, "gs://a.b_c-1": true, "memory-of-guard": false, "gs://": false, "gs://a/b": false,
		"gs://UPPER":   false,
		"gs://memory/": false, "s3://memory": false,
	} {
		if got := storage.Valid(address); got != want {
			t.Errorf("Valid(%q) = %t", address, got)
		}
		if _, err := storage.Open(t.Context(), connect.Config{}, address); !want && err == nil {
			t.Errorf("Open(%q) succeeds", address)
		}
	}
}
