package deploy

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// oneByOne are changes of one variable each: what the caller of the module writes, and what
// instead. Each also takes back the change before it.
var oneByOne = []struct{ was, is string }{
	{"", ""}, // as it is
	{`mode                = "enforce"`, `mode = "report-only"`},
	{`refused_requests    = "off"`, `refused_requests = "sink"`},
	{`alert_waiting_minutes = var.change == "one" ? 60 : 90`, `alert_waiting_minutes = 120`},
	{`{ change = var.change }`, `{ owner = "platform" }`},
	{`deletion_protection = false`, "deletion_protection = false\n  digest_schedule = \"0 6 * * *\""},
}

// A platform team changes one variable after the other. Somebody deploys all the time, and every
// entry of the audit log reaches the topic of the events. Triggers are not among them: the local
// cloud makes their subscriptions only where a function listens, and here none does.
func TestNoVariableLosesAnEventWhileItChanges(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	run := terraform(t, root)
	if err := os.CopyFS(filepath.Join(root, "deploy"), os.DirFS("../../deploy")); err != nil {
		t.Fatal(err)
	}
	o := cloudtest.Start(t, playground.Options{InstantOperations: true})
	main, base := filepath.Join(root, "main.tf"), caller(o.URL())
	write(t, main, base)
	initialise(t, run)
	apply := func(what string) {
		t.Helper()
		if out, err := run("apply", "-auto-approve", "-input=false", "-no-color", "-var=change=one"); err != nil {
			t.Fatalf("applying %s: %v\n%s", what, err, out)
		}
	}
	apply("the module")
	const witness = "/v1/projects/demo-project/subscriptions/witness"
	o.CallAs(o.Owner(), http.MethodPut, witness, map[string]any{"topic": "projects/demo-project/topics/guard-tf-events"})
	o.Deploy(playground.Scenario[0])
	service := "/v2/" + playground.Scenario[0].Name() + "?updateMask=labels"
	deploys := 0
	deploy := func() {
		deploys++
		o.CallAs(o.Owner(), http.MethodPatch, service, map[string]any{"labels": map[string]any{"deploy": fmt.Sprint("n", deploys)}})
	}
	for _, change := range oneByOne {
		changed := strings.Replace(base, change.was, change.is, 1)
		if changed == base && change.was != "" {
			t.Fatalf("the caller does not have %q", change.was)
		}
		write(t, main, changed)
		stop, busy := make(chan struct{}), sync.WaitGroup{}
		busy.Go(func() {
			for {
				deploy()
				select {
				case <-stop:
					deploy()
					return
				case <-time.After(200 * time.Millisecond):
				}
			}
		})
		apply(change.is)
		close(stop)
		busy.Wait()
	}
	seen := map[string]bool{}
	for range 100 {
		pulled := o.CallAs(o.Owner(), http.MethodPost, witness+":pull", map[string]any{"maxMessages": 1000, "returnImmediately": true})
		received, _ := pulled["receivedMessages"].([]any)
		if len(received) == 0 {
			break
		}
		var ids []any
		for _, each := range received {
			one := each.(map[string]any)
			ids = append(ids, one["ackId"])
			for n := range deploys + 1 {
				if strings.Contains(textOf(t, one), fmt.Sprintf(`"deploy":"n%d"`, n)) {
					seen[fmt.Sprint(n)] = true
				}
			}
		}
		o.CallAs(o.Owner(), http.MethodPost, witness+":acknowledge", map[string]any{"ackIds": ids})
	}
	t.Logf("%d deploys during %d changes, %d seen", deploys, len(oneByOne), len(seen))
	if len(seen) != deploys || deploys < 2*len(oneByOne) {
		t.Errorf("%d of %d deploys reached the topic", len(seen), deploys)
	}
	write(t, main, base)
	if out, err := run("destroy", "-auto-approve", "-input=false", "-no-color", "-var=change=one"); err != nil {
		t.Fatalf("destroying: %v\n%s", err, out)
	}
}

// textOf is the text of a pulled message.
func textOf(t *testing.T, received map[string]any) string {
	t.Helper()
	message, _ := received["message"].(map[string]any)
	data, _ := message["data"].(string)
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatalf("a message is not base64: %v", err)
	}
	return string(text)
}
