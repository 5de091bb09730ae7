package connect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// library answers GET /N with a count of how often anything was asked, and says what was asked.
type library struct {
	mu    sync.Mutex
	asked []string
	fails map[string]int // by path: the status of the next answer
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	l.asked = append(l.asked, r.Method+" "+r.URL.String()+" "+string(body))
	if status := l.fails[r.URL.Path]; status != 0 {
		delete(l.fails, r.URL.Path)
		w.WriteHeader(status)
	}
	fmt.Fprintf(w, "%d", len(l.asked))
}

// count is how often something was asked that begins so.
func (l *library) count(begins string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, each := range l.asked {
		if strings.HasPrefix(each, begins) {
			n++
		}
	}
	return n
}

// read asks one thing after the other, as a reading does that follows what each answer says.
func read(t *testing.T, a *Ahead, client *http.Client, complete bool, requests ...string) []string {
	t.Helper()
	ctx, done := a.Begin(t.Context(), "a reading", "")
	defer done(complete)
	var answers []string
	for _, each := range requests {
		method, url, _ := strings.Cut(each, " ")
		url, body, _ := strings.Cut(url, " ")
		request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close() // it was read
		answers = append(answers, fmt.Sprintf("%d %s", response.StatusCode, text))
	}
	return answers
}

func TestAReadingIsAskedAtOnceAndAnsweredAnew(t *testing.T) {
	asked := &library{fails: map[string]int{}}
	server := httptest.NewServer(asked)
	defer server.Close()
	client := Config{}.client(http.DefaultTransport)
	a := NewAhead()
	one, two, policy := "GET "+server.URL+"/1", "GET "+server.URL+"/2?x=1", "POST "+server.URL+"/s:getIamPolicy {}"

	read(t, a, client, true, one, two, policy)
	if got := asked.count(""); got != 3 {
		t.Fatalf("a first reading asks %d times, want 3", got)
	}
	answers := read(t, a, client, true, one, two, policy)
	if got := asked.count(""); got != 6 {
		t.Errorf("a second reading has asked %d times in all, want 6: each thing once more", got)
	}
	for _, each := range answers {
		if each < "200 4" {
			t.Errorf("the answer %q is of an earlier reading", each)
		}
	}
	read(t, a, client, true, one, one)
	if got := asked.count("GET /1"); got != 4 {
		t.Errorf("what one reading asks twice was asked %d times in all, want 4: an answer is used once", got)
	}
}

func TestWhatIsAskedNoMoreIsForgotten(t *testing.T) {
	asked := &library{fails: map[string]int{}}
	server := httptest.NewServer(asked)
	defer server.Close()
	client := Config{}.client(http.DefaultTransport)
	a := NewAhead()
	one, two := "GET "+server.URL+"/1", "GET "+server.URL+"/2"
	for _, tc := range []struct {
		complete bool
		asks     []string
		next     int // how many are asked ahead
	}{
		{true, []string{one, two}, 2},
		{true, []string{one}, 1},  // the second was asked ahead for nothing
		{false, []string{two}, 1}, // it was cut off: the next one begins by the last that was complete
	} {
		read(t, a, client, tc.complete, tc.asks...)
		if ahead := a.before("a reading", ""); len(ahead) != tc.next || ahead[0].request.URL.Path != "/1" {
			t.Errorf("after %v, complete: %t: %d are asked ahead, want the first %d", tc.asks, tc.complete, len(ahead), tc.next)
		}
	}
}

func TestWritesAndPagesAreNotAskedAhead(t *testing.T) {
	asked := &library{fails: map[string]int{}}
	server := httptest.NewServer(asked)
	defer server.Close()
	client := Config{}.client(http.DefaultTransport)
	a := NewAhead()
	requests := []string{"PATCH " + server.URL + "/1 {}", "POST " + server.URL + "/s:setIamPolicy {}",
		"DELETE " + server.URL + "/1", "GET " + server.URL + "/2?pageToken=x", "GET " + server.URL + "/operations/1",
		"GET " + server.URL + "/storage/v1/b/x", "GET " + server.URL + "/secrets/x"}
	read(t, a, client, true, requests...)
	read(t, a, client, true) // asks nothing itself
	if got := asked.count(""); got != len(requests) {
		t.Errorf("%d requests were sent, want %d: nothing of it is asked ahead", got, len(requests))
	}
}

func TestWhatFailedAheadIsAskedAgain(t *testing.T) {
	asked := &library{fails: map[string]int{}}
	server := httptest.NewServer(asked)
	defer server.Close()
	broken := &breaks{}
	client := Config{}.client(broken)
	a := NewAhead()
	one := "GET " + server.URL + "/1"
	read(t, a, client, true, one)
	broken.next = true
	if got := read(t, a, client, true, one); got[0] != "200 2" {
		t.Errorf("the answer is %q, want the one of the second attempt", got[0])
	}
	asked.fails["/1"] = http.StatusForbidden
	if got := read(t, a, client, true, one); got[0] != "403 3" {
		t.Errorf("the answer is %q: a refusal is an answer", got[0])
	}
}

// breaks cuts the next connection.
type breaks struct {
	mu   sync.Mutex
	next bool
}

func (b *breaks) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	cut := b.next
	b.next = false
	b.mu.Unlock()
	if cut {
		return nil, io.ErrUnexpectedEOF
	}
	return http.DefaultTransport.RoundTrip(r)
}

// What verifies a write asks less than the reading before it.
func TestAnotherReadingBeginsByTheFirstPart(t *testing.T) {
	asked := &library{fails: map[string]int{}}
	server := httptest.NewServer(asked)
	defer server.Close()
	client := Config{}.client(http.DefaultTransport)
	a := NewAhead()
	ask := func(ctx context.Context, path string) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close() // only that it was asked counts
	}
	ctx, done := a.Begin(t.Context(), "a reading", "")
	ask(ctx, "/1")
	EndPart(ctx)
	ask(ctx, "/2")
	done(true)
	ctx, done = a.Begin(t.Context(), "verify", "a reading")
	ask(ctx, "/1")
	done(true)
	if one, two := asked.count("GET /1"), asked.count("GET /2"); one != 2 || two != 1 {
		t.Errorf("asked %d and %d times, want 2 and 1", one, two)
	}
	_, done = a.Begin(t.Context(), "new", "unknown")
	done(false)
}

func TestWhatIsKeptOfReadingsIsBounded(t *testing.T) {
	a := NewAhead()
	whole := parts{asked: make([]sent, mostAhead), first: 1}
	for i := range 2 * keptRequests / mostAhead {
		a.keep(fmt.Sprint(i), whole)
		a.keep(fmt.Sprint(i), whole) // again: it takes the place of the first
	}
	if a.requests > keptRequests || a.kept.Len() != keptRequests/mostAhead {
		t.Errorf("%d requests of %d readings are kept, want at most %d", a.requests, a.kept.Len(), keptRequests)
	}
	if got := len(a.before("0", "")); got != 0 {
		t.Errorf("the oldest reading is known with %d requests", got)
	}
	last := fmt.Sprint(2*keptRequests/mostAhead - 1)
	if got := len(a.before(last, "")); got != mostAhead {
		t.Errorf("the last reading is known with %d requests, want %d", got, mostAhead)
	}
	if got := len(a.before("another", last)); got != 1 {
		t.Errorf("the first part of a reading like it has %d requests, want 1", got)
	}
}
