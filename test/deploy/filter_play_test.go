package deploy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/deploy/filters"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/test/load"
)

// The function's accounts in these tests: its own, and one that it writes as.
const (
	own    = "iapguard@demo-project.iam.gserviceaccount.com"
	writer = "writer@demo-project.iam.gserviceaccount.com"
)

var self = event.Self{Principals: []string{own, writer}, UserAgent: "iapguard"}

// sinks returns the shipped filters as sinks of the local cloud.
type sinks struct{ events, requests *logging.Filter }

func shipped(t *testing.T) sinks {
	t.Helper()
	parse := func(text string) *logging.Filter {
		filter, err := logging.ParseFilter(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		return filter
	}
	return sinks{parse(filters.Events(own, writer)), parse(filters.Requests())}
}

// verdict is the result for an entry: whether a sink lets it through, and how the
// function reads it.
type verdict struct {
	events, requests bool
	result           event.Result
}

func (s sinks) judge(t *testing.T, entry []byte) verdict {
	t.Helper()
	var decoded map[string]any
	decoder := json.NewDecoder(bytes.NewReader(entry))
	decoder.UseNumber()
	if err := decoder.Decode(&decoded); err != nil {
		t.Fatalf("%v in %s", err, entry)
	}
	results := event.Parse(event.Message{Body: entry}, self)
	if len(results) != 1 {
		t.Fatalf("%d results of %s", len(results), entry)
	}
	return verdict{s.events.Match(decoded), s.requests.Match(decoded), results[0]}
}

// acts reports whether the function would act on the entry as a change, and as a
// refused request.
func (v verdict) acts() (change, refusal bool) {
	if v.result.Cause == nil {
		return false, false
	}
	kind := v.result.Cause.Kind
	refusal = kind == event.RunRequestDenied || kind == event.LBRequestDeniedByIAP
	return !refusal, refusal
}

// differs returns how sinks and function disagree, "" if they agree.
func (v verdict) differs() string {
	change, refusal := v.acts()
	switch {
	case v.events && !change && v.result.Ignored == event.Unreadable:
		return "unreadable"
	case v.events && !change, v.requests && !refusal:
		return "wider"
	case !v.events && change, !v.requests && refusal:
		return "narrower"
	}
	return ""
}

func (v verdict) String() string {
	became := string(v.result.Ignored) + ": " + v.result.Why
	if v.result.Cause != nil {
		became = string(v.result.Cause.Kind)
	}
	return "events.filter " + through(v.events) + ", requests.filter " + through(v.requests) + ", explain says " + became
}

func through(yes bool) string {
	if yes {
		return "lets it through"
	}
	return "does not"
}

// undelivered lists recorded entries that the function would act on, although the
// filters do not let them through.
var undelivered = map[string]string{
	"fieldlog-d__run.requests.403__1.json": "a stranger at the default address: wanted, see differences",
	"fieldlog-d__run.requests.403__2.json": "a stranger at the default address",
	"panther__http_load_balancer.request__1.json": "a collector has put all its members into lower case: not what a " +
		"sink is given",
}

func TestFiltersAgreeWithExplainOnRecordedEntries(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "auditlogs")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Skipf("skipped: the recorded entries are not beside the checkout (%v)", err)
	}
	all, acted, needed := shipped(t), 0, map[string]bool{}
	for _, file := range files {
		entry, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := all.judge(t, entry)
		if v.result.Cause != nil {
			acted++
		}
		name := filepath.Base(file)
		if how := v.differs(); how == "narrower" && undelivered[name] != "" {
			needed[name] = true
		} else if how != "" {
			t.Errorf("%s: %s: %s", name, how, v)
		}
	}
	for name := range undelivered {
		if !needed[name] {
			t.Errorf("%s is excused without need", name)
		}
	}
	if acted < 10 {
		t.Errorf("%d of %d entries act: this test compares too little", acted, len(files))
	}
}

func TestFiltersAgreeWithExplainOnADay(t *testing.T) {
	entries := 20_000
	if os.Getenv("FULL") == "1" {
		entries = 1_000_000
	}
	reader, out := io.Pipe()
	go load.Day(out, entries)
	all, read, acted := shipped(t), 0, 0
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, event.MaxBody)
	for lines.Scan() {
		v := all.judge(t, lines.Bytes())
		if how := v.differs(); how != "" {
			t.Fatalf("entry %d: %s: %s: %s", read, how, v, lines.Text())
		}
		if read++; v.events {
			acted++
		}
	}
	if err := lines.Err(); err != nil || read != entries || acted != entries/load.RelevantEvery {
		t.Errorf("%d entries read, %d let through, %v; want %d and %d", read, acted, err, entries, entries/load.RelevantEvery)
	}
}

func TestFiltersAgreeWithExplainOnHardCases(t *testing.T) {
	all := shipped(t)
	for _, one := range hardCases {
		v := all.judge(t, edited(t, one.base, one.edit))
		if change, refusal := v.acts(); change != one.acts && refusal != one.acts || v.differs() != "" {
			t.Errorf("%s: acts should be %t, and the same: %s: %s", one.name, one.acts, v.differs(), v)
		}
	}
}

func TestFiltersDifferFromExplainOnlyAsListed(t *testing.T) {
	all := shipped(t)
	for _, one := range differences {
		if v := all.judge(t, edited(t, one.base, one.edit)); v.differs() != one.how {
			t.Errorf("%s: %q, written is %q because %s: %s", one.name, v.differs(), one.how, one.why, v)
		}
	}
}

// Logging accepts 20,000 characters, including comments; ParseFilter enforces that.
func TestFiltersAreShortEnoughForManyWriterAccounts(t *testing.T) {
	account := "iapguard-writer-" + strings.Repeat("1", 14) + "@a-project-with-a-long-name-12.iam.gserviceaccount.com"
	many := slices.Repeat([]string{account}, 150)
	if _, err := logging.ParseFilter(filters.Events(own, many...)); err != nil {
		t.Errorf("with %d accounts: %v", len(many), err)
	}
}

// edited returns an entry with members set at paths, or removed by nil.
func edited(t *testing.T, base string, edit map[string]any) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(base), &root); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(edit)) {
		at, names := root, strings.Split(path, "/")
		for _, name := range names[:len(names)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		if last := names[len(names)-1]; edit[path] == nil {
			delete(at, last)
		} else {
			at[last] = edit[path]
		}
	}
	entry, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}
