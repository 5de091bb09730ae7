package deploy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const deadLetters = "projects/p/subscriptions/iapguard-dead-letters"

// letter is a message as a pull returns it.
type letter struct {
	AckID   string `json:"ackId"`
	Message struct {
		Data       string            `json:"data"`
		Attributes map[string]string `json:"attributes,omitempty"`
		MessageID  string            `json:"messageId"`
	} `json:"message"`
}

func aLetter(ack, from string) letter {
	l := letter{AckID: ack}
	l.Message.Data, l.Message.MessageID = "eyJhIjogMX0K", "id-"+ack
	l.Message.Attributes = map[string]string{
		"keep": "this one",
		"CloudPubSubDeadLetterSourceDeliveryCount":       "30",
		"CloudPubSubDeadLetterSourceSubscription":        from,
		"CloudPubSubDeadLetterSourceSubscriptionProject": "p",
	}
	return l
}

func TestDeadLettersReturnToTheirTopics(t *testing.T) {
	asked, out, err := replay(t, []letter{aLetter("1", "iapguard-work"), aLetter("2", "eventarc-europe-west1-x-sub-1")},
		deadLetters)
	if err != nil || out != "replay: 2 put back\n" {
		t.Errorf("replay said %q: %v", out, err)
	}
	const message = `:publish {"messages":[{"data":"eyJhIjogMX0K","attributes":{"keep":"this one"}}]}`
	want := []string{
		"POST " + deadLetters + `:pull {"maxMessages":100}`,
		"GET projects/p/subscriptions/iapguard-work ",
		"POST projects/p/topics/of-iapguard-work" + message,
		"POST " + deadLetters + `:acknowledge {"ackIds":["1"]}`,
		"GET projects/p/subscriptions/eventarc-europe-west1-x-sub-1 ",
		"POST projects/p/topics/of-eventarc-europe-west1-x-sub-1" + message,
		"POST " + deadLetters + `:acknowledge {"ackIds":["2"]}`,
		"POST " + deadLetters + `:pull {"maxMessages":100}`,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestADeadLetterThatCannotBePublishedStays(t *testing.T) {
	stray := aLetter("1", "")
	stray.Message.Attributes = nil
	for name, c := range map[string]struct {
		letters      []letter
		subscription string
		says         string
	}{
		"one that does not say where it comes from": {[]letter{stray}, deadLetters, "id-1 does not say where it comes from"},
		"one whose subscription is gone":            {[]letter{aLetter("1", "gone")}, deadLetters, "404"},
		"a subscription that is not named in full":  {nil, "iapguard-dead-letters", "write projects/P/subscriptions/S"},
		"a subscription that nobody may be reading": {nil, "projects/p/subscriptions/forbidden", "403"},
	} {
		t.Run(name, func(t *testing.T) {
			asked, out, err := replay(t, c.letters, c.subscription)
			if err == nil || !strings.Contains(out, c.says) {
				t.Errorf("replay said %q: %v", out, err)
			}
			for _, call := range asked {
				if strings.Contains(call, ":acknowledge") {
					t.Errorf("and called %s", call)
				}
			}
		})
	}
}

// replay runs the script on a Pub/Sub that has these dead letters, and returns its
// requests.
func replay(t *testing.T, letters []letter, subscription string) (asked []string, out string, err error) {
	t.Helper()
	for _, program := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: %s is not installed, which deploy/replay.sh needs", program)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/v1/")
		var body json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&body)
		compact := compacted(body)
		asked = append(asked, r.Method+" "+path+" "+compact)
		switch {
		case r.Header.Get("Authorization") != "Bearer the-token" || strings.Contains(path, "forbidden"):
			http.Error(w, "no", http.StatusForbidden)
		case strings.HasSuffix(path, "/gone"):
			http.Error(w, "no", http.StatusNotFound)
		case strings.HasSuffix(path, ":pull"):
			_ = json.NewEncoder(w).Encode(map[string]any{"receivedMessages": letters})
			letters = nil
		case r.Method == http.MethodGet:
			_ = json.NewEncoder(w).Encode(map[string]string{"topic": "projects/p/topics/of-" + filepath.Base(path)})
		default:
			_, _ = w.Write([]byte("{}"))
		}
	}))
	t.Cleanup(server.Close)
	programs := t.TempDir()
	write(t, filepath.Join(programs, "gcloud"), "#!/bin/sh\necho the-token\n")
	if err := os.Chmod(filepath.Join(programs, "gcloud"), 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", "../../deploy/replay.sh", subscription)
	command.Env = append(os.Environ(), "PUBSUB_API="+server.URL, "PATH="+programs+string(os.PathListSeparator)+
		os.Getenv("PATH"))
	text, err := command.CombinedOutput()
	return asked, string(text), err
}

// compacted returns a JSON body without white space.
func compacted(body json.RawMessage) string {
	var short bytes.Buffer
	_ = json.Compact(&short, body) // an empty body stays empty
	return short.String()
}
