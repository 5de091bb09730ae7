package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// street is a local cloud with n services in its project, sv-00 and so on.
func street(t *testing.T, n int) (o *cloudtest.Env, names []string) {
	t.Helper()
	o = cloudtest.Start(t, playground.Options{})
	const parent = "projects/" + playground.Project + "/locations/us-central1/services"
	for i := range n {
		id := fmt.Sprintf("sv-%02d", i)
		o.CallAs(o.Owner(), http.MethodPost, "/v2/"+parent+"?serviceId="+id,
			object{"template": object{"containers": []any{object{"image": playground.Image}}}})
		names = append(names, parent+"/"+id)
	}
	return o, names
}

// keptLines are the rows of a file of --resume.
func keptLines(t *testing.T, name string) (targets []string) {
	t.Helper()
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var one keptLine
		if json.Unmarshal(lines.Bytes(), &one) == nil && one.Row != nil {
			targets = append(targets, one.Target)
		}
	}
	return targets
}

func TestAKilledAuditGoesOnWhereItStopped(t *testing.T) {
	o, names := street(t, 24)
	var whole atomic.Bool // every call is answered
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	endpoint := through(t, o, func(r *http.Request) {
		service, policy := strings.CutSuffix(r.URL.Path, ":getIamPolicy")
		if policy && !whole.Load() && slices.Index(names, strings.TrimPrefix(service, "/v2/")) >= 12 {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	}, func(*http.Response) error { return nil })
	folder := t.TempDir()
	file := filepath.Join(folder, "kept")
	args := []string{"audit", "projects/" + playground.Project, "--endpoint", endpoint, "--format", "ndjson",
		"--resume", file}
	command := exec.Command(os.Args[0], args...)
	command.Env = []string{asCommand + "=1", "PATH=" + os.Getenv("PATH"), "HOME=" + folder}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(cloudtest.Patience); len(keptLines(t, file)) < 12 && time.Now().Before(until); {
		time.Sleep(20 * time.Millisecond)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // it was killed
	read := keptLines(t, file)
	slices.Sort(read)
	if diff := cmp.Diff(names[:12], read); diff != "" {
		t.Fatalf("what the killed audit kept (-want +got):\n%s", diff)
	}
	whole.Store(true)
	before, killed := len(o.Calls()), time.Now()
	text, status := auditRun(t, args...)
	found := map[string]int{}
	for line := range strings.Lines(text) {
		var row audited
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if row.Service == "" {
			continue // the totals
		}
		found[row.Service]++
		kept := slices.Contains(read, row.Service)
		if kept != (row.AsOf != nil) || kept && (row.AsOf.By != byEarlierRun || row.AsOf.At.After(killed)) {
			t.Errorf("%s is as of %+v, and was kept %t", row.Service, row.AsOf, kept)
		}
	}
	want := map[string]int{}
	for _, name := range names {
		want[name] = 1
	}
	if diff := cmp.Diff(want, found); diff != "" || status != exitDone {
		t.Errorf("exit status %d; how often each service is there (-want +got):\n%s", status, diff)
	}
	for _, call := range o.Calls()[before:] {
		if strings.HasSuffix(call.Method, ".getIamPolicy") && slices.Contains(read, call.Resource) {
			t.Errorf("%s is read again", call.Resource)
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there after everything was read: %v", err)
	}
}

// A row that relied on an inventory is as of then, whenever it was read.
func TestAKeptRowIsAsOfItsOldestFact(t *testing.T) {
	now, target := time.Now(), posture.Target{Project: "a", Location: "us-central1", Service: "shop"}
	kept, _, err := openKept(filepath.Join(t.TempDir(), "kept"), auditIdentity{}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Duration{-time.Minute, time.Minute} {
		kept.rows[target.Name()] = keptRow{target.Name(), now, &audited{AsOf: &asOf{now.Add(at), byInventory}}}
		want := asOf{now.Add(min(at, 0)), byEarlierRun}
		if row, ok := kept.row(target); !ok || *row.AsOf != want {
			t.Errorf("by an inventory of %v: as of %+v, want %+v", at, row.AsOf, want)
		}
	}
	if err := kept.end(true); err != nil {
		t.Error(err)
	}
}

func TestAnAuditGoesOnWithWhatCouldNotBeRead(t *testing.T) {
	o, names := street(t, 3)
	file := filepath.Join(t.TempDir(), "kept")
	args := []string{"audit", "projects/" + playground.Project, "--endpoint", o.URL(), "--format", "json",
		"--resume", file}
	o.SetFaults(`[{"action":"status","method":"run.projects.locations.services.getIamPolicy","status":503,` +
		`"resource":"sv-01"}]`)
	if _, status := auditRun(t, args...); status != exitFailed {
		t.Errorf("exit status %d, want %d", status, exitFailed)
	}
	read := keptLines(t, file)
	slices.Sort(read)
	if diff := cmp.Diff([]string{names[0], names[2]}, read); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if _, status := auditRun(t, append(args, "--exit-code")...); status != exitPending {
		t.Errorf("with --exit-code: exit status %d, want %d", status, exitPending)
	}
	o.SetFaults(`[]`)
	text, status := auditRun(t, args...)
	for _, one := range parsed(t, text).Services {
		if (one.AsOf == nil) != (one.Service == names[1]) || one.Error != "" || one.Unread != nil {
			t.Errorf("%s is as of %+v: %+v", one.Service, one.AsOf, one)
		}
	}
	if status != exitDone || keptLines(t, file) != nil {
		t.Errorf("exit status %d, kept %q; want that nothing is left", status, keptLines(t, file))
	}
}

func TestWhatIsKeptCountsForTheSameAuditAndAnHour(t *testing.T) {
	now := time.Now()
	is := auditIdentity{Scope: []string{"projects/b", "projects/a"}, Policy: "one", Inventory: inventoryOff}
	target := posture.Target{Project: "a", Location: "us-central1", Service: "shop"}
	for _, tc := range []struct {
		name, anew, fails string
		change            func(*auditIdentity)
		age               time.Duration
		spoil             func(text string) string
		rows              int
	}{
		{name: "the same", rows: 1},
		{name: "the targets in another order", rows: 1, change: func(i *auditIdentity) { slices.Reverse(i.Scope) }},
		{name: "59 minutes old", rows: 1, age: 59 * time.Minute},
		{name: "an hour old", age: time.Hour},
		{name: "of the future", age: -time.Minute},
		{name: "another policy", anew: `the policy was "one"`, change: func(i *auditIdentity) { i.Policy = "two" }},
		{name: "another account", anew: `the account was ""`, change: func(i *auditIdentity) { i.Principal = "a@b.c" }},
		{name: "with an inventory", anew: `the --inventory was "off"`,
			change: func(i *auditIdentity) { i.Inventory = inventoryAuto }},
		{name: "other targets", fails: "is of an audit of projects/a projects/b: name another file",
			change: func(i *auditIdentity) { i.Scope = []string{"projects/c"} }},
		{name: "a row that is cut", spoil: func(text string) string { return text[:len(text)-9] }},
		{name: "a last line that is cut", rows: 1, spoil: func(text string) string { return text + `{"target":"x` }},
		{name: "another file", fails: "is not what an audit keeps: name another file",
			spoil: func(string) string { return "hello\n" }},
		{name: "no line end", fails: "is not what an audit keeps: name another file",
			spoil: func(string) string { return "hello" }},
		{name: "an empty file", spoil: func(string) string { return "" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "kept")
			kept, _, err := openKept(name, is, now)
			if err != nil {
				t.Fatal(err)
			}
			kept.keep(target, audited{Service: target.Name(), Exposed: "no"}, now.Add(-tc.age))
			if err := kept.end(false); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if tc.spoil != nil {
				text = []byte(tc.spoil(string(text)))
				if err := os.WriteFile(name, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			of := is
			of.Scope = slices.Clone(is.Scope)
			if tc.change != nil {
				tc.change(&of)
			}
			again, anew, err := openKept(name, of, now)
			if tc.fails != "" {
				left, _ := os.ReadFile(name)
				if err == nil || !strings.Contains(err.Error(), tc.fails) || string(left) != string(text) {
					t.Errorf("error %v, want %q; the file is %q", err, tc.fails, left)
				}
				return
			}
			if err != nil || anew != tc.anew || len(again.rows) != tc.rows {
				t.Fatalf("%d rows, anew %q, %v; want %d and %q", len(again.rows), anew, err, tc.rows, tc.anew)
			}
			// What is kept next is read by the run after it.
			again.keep(target, audited{Service: target.Name(), Exposed: "yes"}, now)
			if err := again.end(false); err != nil {
				t.Fatal(err)
			}
			last, anew, err := openKept(name, of, now)
			if err != nil || anew != "" {
				t.Fatalf("the run after it: anew %q, %v", anew, err)
			}
			row, ok := last.row(target)
			if !ok || row.Exposed != "yes" || row.AsOf.By != byEarlierRun || !row.AsOf.At.Equal(now) {
				t.Errorf("the run after it has %+v", row)
			}
			if err := last.end(true); err != nil {
				t.Error(err)
			}
		})
	}
}
