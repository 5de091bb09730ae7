package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/timeout"
)

const (
	// callPatience is how long one call may take, from the wait for its token to the end of
	// its answer. Three attempts at each of the three round trips of a look fit into half of
	// the work subscription's deadline (deploy/intake.yaml).
	callPatience = 30 * time.Second
	// waitPatience is the same for a call that waits for an operation. One of Compute Engine's
	// lasts up to two minutes. Source: compute's discovery document, globalOperations.wait.
	waitPatience = 130 * time.Second
	// operationPatience is how long an operation may take. Half of the work subscription's
	// deadline is left for what comes before and after.
	operationPatience = 5 * time.Minute
	// maxAnswer bounds one answer, in bytes, and maxHeader its header.
	maxAnswer = 64 << 20
	maxHeader = 1 << 20
)

// patienceKey is the context key of a call's patience.
type patienceKey struct{}

func patienceOf(ctx context.Context) time.Duration {
	if patience, ok := ctx.Value(patienceKey{}).(time.Duration); ok {
		return patience
	}
	return callPatience
}

// client returns the HTTP client over a transport that sends credentials. Each of its calls
// is bounded, and no credentials follow a redirect to another place.
func (c Config) client(with http.RoundTripper) *http.Client {
	sent := &ahead{&bounded{with, c.clock()}}
	return &http.Client{Transport: listing{newPaced(sent, c.clock(), c.sleep())}, CheckRedirect: samePlace}
}

func (c Config) clock() clockwork.Clock {
	if c.Clock == nil {
		return clockwork.NewRealClock()
	}
	return c.Clock
}

// samePlace refuses redirects to another host, or away from https: the transport would send
// its credentials there.
func samePlace(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fault.New(fault.Unavailable, "%s redirects to %s://%s, where no credentials are sent: "+
			"check the endpoint and the proxies on the way", first.Host, next.URL.Scheme, next.URL.Host)
	}
	if len(before) > 3 {
		return fault.New(fault.Unavailable, "%s redirects again and again", first.Host)
	}
	return nil
}

// bounded bounds the time that a call takes and the size of its answer.
type bounded struct {
	base  http.RoundTripper
	clock clockwork.Clock
}

// RoundTrip does not wait for the base longer than the call's patience, whatever the base
// waits for: issuing a token holds a lock whose waiters do not look at their contexts.
func (b *bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	patience, host := patienceOf(request.Context()), request.URL.Host
	ctx, cancel := timeout.With(request.Context(), b.clock, patience, host)
	type answered struct {
		response *http.Response
		err      error
	}
	answer := make(chan answered, 1)
	go func() {
		response, err := b.base.RoundTrip(request.WithContext(ctx))
		answer <- answered{response, err}
	}()
	select {
	case got := <-answer:
		if got.err != nil {
			cancel()
			return nil, late(ctx, got.err)
		}
		got.response.Body = &boundedBody{ctx: ctx, cancel: cancel, body: got.response.Body, left: maxAnswer, host: host}
		return withStatus(got.response)
	case <-ctx.Done():
		go func() { // the answer may still come
			if got := <-answer; got.err == nil {
				_ = got.response.Body.Close()
			}
			cancel()
		}()
		return nil, late(ctx, context.Cause(ctx))
	}
}

// late classifies the error of a call that ran out of its own patience. It is not the
// error of a context: others that wait for the same answer do not ask once more.
func late(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); timeout.Expired(cause) {
		return fault.New(fault.Unavailable, "%s", cause)
	}
	return err
}

// boundedBody is an answer's body.
type boundedBody struct {
	ctx    context.Context
	cancel context.CancelFunc
	body   io.ReadCloser
	left   int64
	host   string
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.New(fault.Invalid, "the answer of %s is longer than %d MiB, which is not read", b.host, maxAnswer>>20)
	}
	n, err := b.body.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = late(b.ctx, err)
	}
	return n, err
}

func (b *boundedBody) Close() error {
	defer b.cancel()
	return b.body.Close()
}

// mostError bounds the length of an error that comes with a status of success.
const mostError = 1 << 20

// withStatus gives an answer whose body is nothing but an error the status that the error
// names. Read as what was asked for, it would be an empty list.
func withStatus(response *http.Response) (*http.Response, error) {
	if response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Content-Type"), "json") {
		return response, nil
	}
	begins := make([]byte, 64)
	n, err := io.ReadFull(response.Body, begins)
	begins = begins[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		_ = response.Body.Close()
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	read := io.Reader(bytes.NewReader(begins))
	if isError(begins) {
		rest, err := io.ReadAll(io.LimitReader(response.Body, mostError))
		if err != nil {
			_ = response.Body.Close()
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		whole := append(begins, rest...)
		if code := errorCode(whole); code != 0 {
			response.StatusCode, response.Status = code, http.StatusText(code)
		}
		read = bytes.NewReader(whole)
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(read, response.Body), response.Body}
	return response, nil
}

// isError reports whether a JSON object's first key is error.
func isError(begins []byte) bool {
	inside, object := bytes.CutPrefix(bytes.TrimSpace(begins), []byte("{"))
	return object && bytes.HasPrefix(bytes.TrimSpace(inside), []byte(`"error"`))
}

// errorCode is the status of an answer that has nothing but an error, 0 for any other
// answer. An operation that failed has a name beside its error.
func errorCode(answer []byte) int {
	var keys map[string]struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(answer, &keys) != nil || len(keys) != 1 || keys["error"].Code < http.StatusBadRequest {
		return 0
	}
	return keys["error"].Code
}
