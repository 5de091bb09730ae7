package connect

import (
	"context"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/singleflight"
)

// asKey is the context key of the account that calls are made as.
type asKey struct{}

// As returns a context whose calls impersonate a service account; "" = they are made
// as our own account.
func As(ctx context.Context, account string) context.Context {
	return context.WithValue(ctx, asKey{}, account)
}

// AsSelf returns a context whose calls are made as our own account: the reads before a
// write need no permission of the writer.
func AsSelf(ctx context.Context) context.Context { return As(ctx, "") }

func accountOf(ctx context.Context) string {
	account, _ := ctx.Value(asKey{}).(string)
	return account
}

// callerHeader names, in an answer, the account that the call was made as; "" = our
// own. It is set here and nowhere else.
const callerHeader = "X-Iapguard-Caller"

// caller makes each request as the account that its context names. A request that is
// answered with 401 is repeated once, with newly issued credentials. That is safe for
// writes too: what is not authenticated has no effect.
type caller struct {
	own   *renewable        // with our own credentials
	plain http.RoundTripper // with none
	token tokenOf
}

// tokenOf returns an access token of a service account, and a function that makes
// the next call issue a new one.
type tokenOf func(ctx context.Context, account string) (token string, discard func(), err error)

func (c *caller) RoundTrip(request *http.Request) (*http.Response, error) {
	account := accountOf(request.Context())
	response, discard, err := c.send(request, account)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		if repeated, ok := replay(request); ok {
			_ = response.Body.Close() // the second answer counts
			discard()
			response, _, err = c.send(repeated, account)
		}
	}
	if response != nil {
		response.Header.Set(callerHeader, account)
	}
	return response, err
}

// send makes one attempt, and returns a function that discards the credentials
// that it used.
func (c *caller) send(request *http.Request, account string) (*http.Response, func(), error) {
	if account == "" {
		used := c.own.current()
		response, err := used.RoundTrip(request)
		return response, func() { c.own.renew(used) }, err
	}
	token, discard, err := c.token(AsSelf(request.Context()), account)
	if err != nil {
		if request.Body != nil {
			_ = request.Body.Close() // as every RoundTripper must; nothing was sent
		}
		return nil, discard, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := c.plain.RoundTrip(request)
	return response, discard, err
}

// replay returns a copy of the request, where its body can be read again.
func replay(request *http.Request) (*http.Request, bool) {
	repeated := request.Clone(request.Context())
	if request.Body == nil || request.Body == http.NoBody {
		return repeated, true
	}
	if request.GetBody == nil {
		return nil, false
	}
	body, err := request.GetBody()
	repeated.Body = body
	return repeated, err == nil
}

// renewable is a transport with credentials that can be issued anew.
type renewable struct {
	// issue makes the transport; it may ask a server for credentials.
	issue func() (http.RoundTripper, error)
	calls singleflight.Group
	held  atomic.Pointer[issued]
}

// issued is one transport, identified by its address.
type issued struct{ http.RoundTripper }

func newRenewable(issue func() (http.RoundTripper, error)) (*renewable, error) {
	first, err := issue()
	if err != nil {
		return nil, err
	}
	r := &renewable{issue: issue}
	r.held.Store(&issued{first})
	return r, nil
}

func (r *renewable) current() *issued { return r.held.Load() }

// renew replaces the transport that was used, unless another request has done
// so. Where no credentials are issued the old ones stay: the repeated request is
// refused with the server's own text.
func (r *renewable) renew(used *issued) {
	_, _, _ = r.calls.Do("", func() (any, error) {
		if r.held.Load() != used {
			return nil, nil
		}
		next, err := r.issue()
		if err == nil {
			r.held.Store(&issued{next})
		}
		return nil, err
	})
}

// localCaller names the caller to a local cloud; it never sees Google's credentials.
type localCaller struct {
	base http.RoundTripper
	self string
}

func (l *localCaller) RoundTrip(request *http.Request) (*http.Response, error) {
	if l.self != "" {
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", "Bearer serviceAccount:"+l.self)
	}
	return l.base.RoundTrip(request)
}
