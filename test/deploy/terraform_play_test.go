package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// fresh is how long a recording says what the provider does.
const fresh = 90 * 24 * time.Hour

// TestRecordedTerraformIsAnsweredAsItWas sends what Google's provider sent when it created,
// planned and deleted, to a new local cloud, and compares what made its plans clean. The
// recordings are made by
//
//	go test ./test/deploy -run 'Module|Team' -record
//
// where the provider is to be had. Every call is held against Google's discovery documents.
func TestRecordedTerraformIsAnsweredAsItWas(t *testing.T) {
	for _, file := range glob(t, filepath.Join("testdata", "terraform", "*.jsonl")) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			t.Parallel()
			recorded := readRecording(t, file)
			if age := time.Since(date(t, recorded.Recorded)); age > fresh {
				t.Logf("STALE: recorded on %s, %d days ago; make it anew with the provider of today", recorded.Recorded,
					int(age.Hours()/24))
			}
			recorded.table(t)
			if len(recorded.Exchanges) == 0 {
				t.Fatal("the recording has no exchanges")
			}
			o := cloudtest.Start(t, playground.Options{InstantOperations: true})
			p := player{t: t, cloud: o.URL(), ours: map[string]string{}}
			for i, each := range recorded.Exchanges {
				p.play(i, each)
			}
			t.Logf("%d requests played, %d answers of plans compared", len(recorded.Exchanges), p.compared)
		})
	}
}

func date(t *testing.T, text string) time.Time {
	t.Helper()
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return day
}

func readRecording(t *testing.T, file string) recording {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var made recording
	decoder := json.NewDecoder(bytes.NewReader(text))
	for err = decoder.Decode(&made); err == nil && decoder.More(); {
		var each exchange
		err = decoder.Decode(&each)
		made.Exchanges = append(made.Exchanges, each)
	}
	if err != nil || len(made.Did) == 0 {
		t.Fatalf("%s: %d types of resources, %v", file, len(made.Did), err)
	}
	return made
}

// player sends recorded requests to a cloud whose etags, ids and numbers are others.
type player struct {
	t        *testing.T
	cloud    string
	ours     map[string]string // by recorded value
	compared int
}

func (p *player) play(number int, each exchange) {
	p.t.Helper()
	body := []byte(p.translated(string(each.Body)))
	if len(body) > 0 && body[0] == '"' { // a text
		var text string
		if err := json.Unmarshal(body, &text); err != nil {
			p.t.Fatal(err)
		}
		body = []byte(text)
	}
	path := p.translated(each.Path)
	request, err := http.NewRequestWithContext(p.t.Context(), each.Method, p.cloud+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer local")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer any
	_ = json.NewDecoder(response.Body).Decode(&answer) // some answers have no body
	if response.StatusCode != each.Status {
		p.t.Errorf("request %d, %s %s: %d, recorded %d: %v", number, each.Method, path, response.StatusCode, each.Status, answer)
	}
	texts := map[string]string{}
	leaves(answer, "", func(at, value string) { texts[at] = value })
	for at, recorded := range each.Later {
		if value := texts[at]; value != "" && value != recorded {
			p.ours[recorded] = value
		}
	}
	if each.Plan {
		p.compared++
		if problem := p.differs(withoutVolatile(each.Answer), withoutVolatile(answer), ""); problem != "" {
			p.t.Errorf("request %d, %s %s: %s", number, each.Method, path, problem)
		}
	}
}

// given is a local cloud's address, or an id that it has given, as the end of what carries a
// trigger has.
var given = regexp.MustCompile(`127\.0\.0\.1:[0-9]+|[0-9]{17,}|eventarc-[a-z0-9-]+-[0-9]{3}$`)

func (p *player) translated(text string) string {
	for recorded, value := range p.ours {
		text = strings.ReplaceAll(text, recorded, value)
	}
	return text
}

// differs says where an answer lacks what was recorded, "" = nowhere. What it has beside
// that may be newer than the recording.
func (p *player) differs(recorded, answer any, at string) string {
	switch recorded := recorded.(type) {
	case map[string]any:
		object, _ := answer.(map[string]any)
		for key := range recorded {
			if problem := p.differs(recorded[key], object[key], at+"/"+key); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		list, _ := answer.([]any)
		if len(list) != len(recorded) {
			return fmt.Sprintf("%s has %d entries, recorded %d", at, len(list), len(recorded))
		}
		for i := range recorded {
			if problem := p.differs(recorded[i], list[i], at+"/"+strconv.Itoa(i)); problem != "" {
				return problem
			}
		}
		return ""
	case string:
		text, _ := answer.(string)
		if wanted := given.ReplaceAllString(p.translated(recorded), ""); given.ReplaceAllString(text, "") != wanted {
			return fmt.Sprintf("%s is %v, recorded %q", at, answer, recorded)
		}
		return ""
	}
	if recorded != answer {
		return fmt.Sprintf("%s is %v, recorded %v", at, answer, recorded)
	}
	return ""
}
