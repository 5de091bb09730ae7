package connect

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// keptReadings bounds how many readings are known, mostAhead how many requests of each, and
	// keptRequests how many of all: each takes about 1.1 KB, so they are 18 MB at most.
	keptReadings = 4096
	mostAhead    = 64
	keptRequests = 16384
)

// Ahead makes readings that repeat themselves shallow. A reading asks one thing after the other,
// because an answer says what to ask next; most often it asks what the reading before it asked.
// So that is sent at once when a reading begins, side by side.
//
// What was sent ahead answers one equal request of the same reading, and nothing else. So each
// answer is of now, as if it had been asked for later: what is kept between readings are
// requests, never answers. The zero value is not ready; NewAhead is.
type Ahead struct {
	mu       sync.Mutex
	kept     *simplelru.LRU[string, parts]
	requests int // in all that is kept
}

// parts are the requests of a reading; the first of them make its first part.
type parts struct {
	asked []sent
	first int
}

// NewAhead knows of no reading yet.
func NewAhead() *Ahead {
	a := &Ahead{}
	kept, err := simplelru.NewLRU(keptReadings, func(_ string, forgotten parts) { a.requests -= len(forgotten.asked) })
	if err != nil {
		panic(err) // the size is a constant
	}
	a.kept = kept
	return a
}

// before is what the last reading of a name asked, or the first part of what one like it did.
func (a *Ahead) before(name, like string) []sent {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, known := a.kept.Get(name); known {
		return last.asked
	}
	other, _ := a.kept.Get(like)
	return other.asked[:other.first]
}

// keep keeps what a reading asked, and forgets the readings that are the longest ago where that
// is too much.
func (a *Ahead) keep(name string, asked parts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.Remove(name)
	a.requests += len(asked.asked)
	a.kept.Add(name, asked)
	for a.requests > keptRequests {
		a.kept.RemoveOldest()
	}
}

// sent is a request, and the transport that it went through.
type sent struct {
	through http.RoundTripper
	request *http.Request
	body    []byte
}

// key is all that decides about the answer. Other headers name the client and its attempts.
func (s sent) key() string {
	return s.request.Method + " " + s.request.URL.String() + "\n" + string(s.body)
}

// reading is one reading while it lasts.
type reading struct {
	mu    sync.Mutex
	ahead map[string]*answered
	parts
}

// answered is an answer that was asked for ahead. It is there once done is closed.
type answered struct {
	done     chan struct{}
	response *http.Response
	body     []byte
	err      error
}

type readingKey struct{}

// Begin begins a reading: what the last one of the same name asked is sent, or the first part of
// another one where there was none; like "" = there is no other. The context that it returns is for
// this reading alone; done ends it, and says whether it was complete, so that the next reading
// begins by it.
func (a *Ahead) Begin(ctx context.Context, name, like string) (reads context.Context, done func(complete bool)) {
	r := &reading{ahead: map[string]*answered{}}
	sending, stop := context.WithCancel(ctx)
	for _, one := range a.before(name, like) {
		a := &answered{done: make(chan struct{})}
		r.ahead[one.key()] = a
		go a.ask(sending, one)
	}
	return context.WithValue(ctx, readingKey{}, r), func(complete bool) {
		stop()
		r.mu.Lock()
		defer r.mu.Unlock()
		if complete {
			a.keep(name, r.parts)
		}
	}
}

// Apart is a context for calls that several readings share: what they ask is asked ahead by none.
func Apart(ctx context.Context) context.Context {
	return context.WithValue(ctx, readingKey{}, (*reading)(nil))
}

// EndPart ends the first part of the reading whose context it is.
func EndPart(ctx context.Context) {
	if r, _ := ctx.Value(readingKey{}).(*reading); r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.first = len(r.asked)
	}
}

// ask sends a request, and reads its whole answer.
func (a *answered) ask(ctx context.Context, one sent) {
	defer close(a.done)
	request := one.request.Clone(ctx)
	if one.body != nil {
		request.Body = io.NopCloser(bytes.NewReader(one.body))
	}
	if a.response, a.err = one.through.RoundTrip(request); a.err != nil {
		return
	}
	a.body, a.err = io.ReadAll(a.response.Body)
	_ = a.response.Body.Close() // it was read, or cannot be
}

// ahead answers requests of a reading by what was sent ahead.
type ahead struct{ base http.RoundTripper }

func (t *ahead) RoundTrip(request *http.Request) (*http.Response, error) {
	r, _ := request.Context().Value(readingKey{}).(*reading)
	if r == nil || !readsOnly(request) || accountOf(request.Context()) != "" {
		return t.base.RoundTrip(request)
	}
	one, ok := t.noted(request)
	if !ok {
		return t.base.RoundTrip(request)
	}
	if before := r.take(one); before != nil {
		select {
		case <-before.done:
			if before.err == nil {
				if request.Body != nil {
					_ = request.Body.Close() // as every RoundTripper must
				}
				response := *before.response
				response.Request, response.Body = request, io.NopCloser(bytes.NewReader(before.body))
				return &response, nil
			}
		case <-request.Context().Done():
		}
	}
	return t.base.RoundTrip(request) // also where what was sent ahead met an error: it is asked again
}

// take notes what is asked, and gives what was sent ahead for it, once.
func (r *reading) take(one sent) *answered {
	key := one.key()
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(s sent) bool { return s.key() == key }
	if len(r.asked) < mostAhead && !slices.ContainsFunc(r.asked, same) {
		r.asked = append(r.asked, one)
	}
	before := r.ahead[key]
	delete(r.ahead, key)
	return before
}

// noted is a request as it is sent again; false where its body cannot be read twice.
func (t *ahead) noted(request *http.Request) (sent, bool) {
	one := sent{through: t.base, request: request.Clone(context.Background())}
	one.request.Body, one.request.GetBody = nil, nil
	if request.Body == nil || request.Body == http.NoBody {
		return one, true
	}
	if request.GetBody == nil {
		return sent{}, false
	}
	body, err := request.GetBody()
	if err != nil {
		return sent{}, false
	}
	defer func() { _ = body.Close() }()
	one.body, err = io.ReadAll(body)
	return one, err == nil
}

// readsOnly reports whether a request reads something that the next reading asks for by the same
// words: not how far an operation is, not a further page, and not the content of an object.
func readsOnly(request *http.Request) bool {
	path := request.URL.Path
	switch {
	case request.Method == http.MethodPost:
		return strings.HasSuffix(path, ":getIamPolicy")
	case request.Method != http.MethodGet, request.URL.Query().Has("pageToken"):
		return false
	}
	return !strings.Contains(path, "/operations/") && !strings.Contains(path, "/secrets/") && !strings.HasPrefix(path, "/storage/")
}
