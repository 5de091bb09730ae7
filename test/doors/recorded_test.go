package doors

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
)

// TestEntriesHaveTheFieldsOfRecordedOnes compares the fields of what is written
// with those of recorded entries of the same kind.
func TestEntriesHaveTheFieldsOfRecordedOnes(t *testing.T) {
	for _, tc := range []struct {
		recorded string
		setup    []func(*fixture)
		visit    visit
		missing  []string // what the local cloud does not write, for no reader needs it
	}{
		{"fieldlog-d__run.requests.403__2.json", all(invokers(alice)),
			visit{host: "run", header: map[string]string{"Referer": "https://example.com/"}},
			[]string{"httpRequest.serverIp", "labels"}},
		{"fieldlog-d__run.requests.200__1.json", nil, visit{host: "run"},
			[]string{"httpRequest.serverIp", "labels", "traceSampled"}},
		{"otel__http_load_balancer.200__1.json", all(logsOn), visit{},
			[]string{"httpRequest.serverIp", "jsonPayload.cacheDecision", "jsonPayload.tls.cipher", "jsonPayload.tls.protocol"}},
	} {
		t.Run(tc.recorded, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "auditlogs", tc.recorded))
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip("the recorded entries are not beside the checkout")
			} else if err != nil {
				t.Fatal(err)
			}
			o := build(t, global, playground.Options{})
			for _, do := range tc.setup {
				do(o)
			}
			written := o.visit(o.at(tc.visit)).raw
			got := append(fields(t, written[len(written)-1]), tc.missing...)
			slices.Sort(got)
			if diff := cmp.Diff(fields(t, text), got); diff != "" {
				t.Errorf("fields (-recorded +written):\n%s", diff)
			}
		})
	}
}

// fields are the paths of an entry's values. Labels of the service are one:
// what they are called is up to its owner.
func fields(t *testing.T, raw []byte) []string {
	t.Helper()
	var entry map[string]any
	if err := json.Unmarshal(raw, &entry); err != nil {
		t.Fatal(err)
	}
	var paths []string
	var walk func(path string, value any)
	walk = func(path string, value any) {
		object, ok := value.(map[string]any)
		if !ok || path == "labels" {
			paths = append(paths, path)
			return
		}
		for key, child := range object {
			walk(strings.TrimPrefix(path+"."+key, "."), child)
		}
	}
	walk("", entry)
	slices.Sort(paths)
	return paths
}
