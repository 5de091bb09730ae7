package secret

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

const holds = "projects/demo-project/secrets/holds"

// connected is a client of a local cloud with an empty secret.
func connected(t *testing.T) *Client {
	t.Helper()
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t)})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	c, err := New(t.Context(), connect.Config{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(server.URL+"/v1/projects/demo-project/secrets?secretId=holds", "application/json",
		strings.NewReader(`{"replication": {"automatic": {}}}`))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	response.Body.Close()
	return c
}

// add is a change that adds a word, if it is not there.
func add(word string, meanwhile func()) func([]byte) ([]byte, error) {
	return func(text []byte) ([]byte, error) {
		if meanwhile != nil {
			meanwhile()
		}
		words := strings.Fields(string(text))
		if slices.Contains(words, word) {
			return nil, errors.New(word + " is there")
		}
		return []byte(strings.Join(append(words, word), " ")), nil
	}
}

// once does something the first time only.
func once(do func()) func() {
	done := false
	return func() {
		if !done {
			done = true
			do()
		}
	}
}

func TestAChangeHidesNoOtherWritersChange(t *testing.T) {
	c, ctx := connected(t), t.Context()
	change := func(change func([]byte) ([]byte, error)) error { return c.Change(ctx, holds, change) }
	mustAdd := func(word string) func() {
		return func() {
			if err := change(add(word, nil)); err != nil {
				t.Errorf("%s: %v", word, err)
			}
		}
	}
	latest := func() string {
		data, _, err := c.Latest(ctx, holds)
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	mustAdd("a")()
	if err := change(add("b", once(mustAdd("c")))); err != nil {
		t.Error(err)
	}
	if got := latest(); got != "a c b" {
		t.Errorf("after two at once: %q", got)
	}
	// What the other did makes ours be refused: the other's must stand.
	if err := change(add("d", once(func() { mustAdd("d")(); mustAdd("e")() }))); err == nil ||
		err.Error() != "d is there" {
		t.Errorf("error %v, want that d is there", err)
	}
	if got := latest(); got != "a c b d e" {
		t.Errorf("after a refused one: %q", got)
	}
	_, before, _ := c.Latest(ctx, holds)
	if err := change(func(text []byte) ([]byte, error) { return text, nil }); err != nil {
		t.Error(err)
	}
	if err := change(add("a", nil)); err == nil {
		t.Error("a is added twice")
	}
	if _, after, _ := c.Latest(ctx, holds); after != before {
		t.Errorf("nothing changed, and version %d follows %d", after, before)
	}
	n := 0
	err := change(add("z", func() { n++; mustAdd(strings.Repeat("y", n))() }))
	if fault.Of(err).Kind != fault.Conflict {
		t.Errorf("others that never stop: %v", err)
	}
}

func TestADamagedAnswerIsAnError(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		status       int
		want         fault.Kind
	}{
		{"with its checksum", `{"payload": {"data": "b25l", "dataCrc32c": "714388201"}}`, 200, fault.Unknown},
		{"without a checksum", `{"payload": {"data": "b25l"}}`, 200, fault.Unknown},
		{"with another checksum", `{"payload": {"data": "b25l", "dataCrc32c": "1"}}`, 200, fault.Unavailable},
		{"no base64", `{"payload": {"data": "b25l!"}}`, 200, fault.Unavailable},
		{"nothing in it", `{}`, 200, fault.Unavailable},
		{"denied", `{"error": {"code": 403, "status": "PERMISSION_DENIED"}}`, 403, fault.Denied},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(tc.status)
			_, _ = w.Write([]byte(tc.answer)) // the client sees a cut answer
		}))
		c, err := New(t.Context(), connect.Config{Endpoint: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		value, err := c.Access(t.Context(), holds+"/versions/latest")
		server.Close()
		if kind := fault.Of(err).Kind; kind != tc.want || (err == nil) != (value.Reveal() == "one") {
			t.Errorf("%s: kind %v (%v), want %v", tc.name, kind, err, tc.want)
		}
	}
}

func TestAnUnusableSecretIsAnError(t *testing.T) {
	c, ctx := connected(t), context.Background()
	version := holds + "/versions/latest"
	_, err := c.Access(ctx, version)
	if got := fault.Of(err); got.Kind != fault.Invalid ||
		got.Remedy != "add a version: gcloud secrets versions add holds --project=demo-project --data-file=-" {
		t.Errorf("no version: %v, %+v", err, got)
	}
	var kinds []fault.Kind
	for _, text := range []string{" \n", "two\nlines", "one\n"} {
		if _, err := c.Add(ctx, holds, []byte(text)); err != nil {
			t.Fatal(err)
		}
		value, err := c.Access(ctx, version)
		kinds = append(kinds, fault.Of(err).Kind)
		if err == nil && value.Reveal() != "one" {
			t.Errorf("%q is read as %q", text, value.Reveal())
		}
	}
	if diff := cmp.Diff([]fault.Kind{fault.Invalid, fault.Invalid, fault.Unknown}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
