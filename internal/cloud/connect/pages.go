package connect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/fault"
)

// MaxPages bounds every list of what is configured in a project. A project with
// more is reported as not read to the end.
const MaxPages = 20

// Pages counts the pages of one list.
type Pages struct{ read int }

// Next is called after each page with the token of the next one, and ends the
// list with fault.Invalid where more pages follow than are read.
func (p *Pages) Next(token, what, project string) error {
	if p.read++; p.read >= MaxPages && token != "" {
		return fault.New(fault.Invalid, "project %q has more %s than are looked through", project, what)
	}
	return nil
}

// AllPages reads a list to its end, and then hands on its pages in order. A list whose page token
// expires on the way is read once more from the beginning. With an error come the pages before it.
func AllPages[P any](
	ctx context.Context, pages func(context.Context, func(P) error) error, each func(P) error,
) error {
	var read []P
	again := func() error {
		read = nil
		return pages(ctx, func(page P) error { read = append(read, page); return nil })
	}
	err := again()
	if expired := (*expiredToken)(nil); errors.As(err, &expired) {
		err = again()
	}
	for _, page := range read {
		if err := each(page); err != nil {
			return err
		}
	}
	return err
}

// expiredToken is that an API no longer takes the page token that it gave with the page before.
type expiredToken struct{ answer string }

func (e *expiredToken) Error() string {
	text := "the list ended before its last page: the page token no longer holds"
	if e.answer != "" {
		text += ": " + e.answer
	}
	return text
}

// listing is a transport that keeps apart a page token that expired and a request that is wrong:
// both are answered with 400, and another attempt helps the former alone. Of a token in the body
// of a request it knows nothing.
// Source: google.aip.dev/158, and, for v1 of Cloud Run, Kubernetes' API concepts (410 Gone).
type listing struct{ base http.RoundTripper }

// RoundTrip makes a call.
func (l listing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.base.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusBadRequest && response.StatusCode != http.StatusGone {
		return response, err
	}
	if query := request.URL.Query(); query.Get("pageToken") == "" && query.Get("continue") == "" {
		return response, nil
	}
	var said struct{ Error struct{ Message string } }
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusal)) // without it the status says enough
	_ = response.Body.Close()
	_ = json.Unmarshal(text, &said)
	return nil, &fault.Error{Kind: fault.Unavailable,
		Err: &expiredToken{strings.Join(strings.Fields(said.Error.Message), " ")}}
}
