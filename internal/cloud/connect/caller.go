package connect

import (
	"context"
	"net/http"
)

// asKey is under what a context holds the account that calls are made as.
type asKey struct{}

// As makes the calls under a context in the name of a service account that the
// own one may impersonate; "" = in the own name.
func As(ctx context.Context, account string) context.Context {
	return context.WithValue(ctx, asKey{}, account)
}

// AsSelf makes the calls under a context in the own name again: what is read on
// the way to a write is no part of it.
func AsSelf(ctx context.Context) context.Context { return As(ctx, "") }

func accountOf(ctx context.Context) string {
	account, _ := ctx.Value(asKey{}).(string)
	return account
}

// callerHeader tells, in answers to calls in another name, which that was. It is
// set here and nowhere else.
const callerHeader = "X-Iapguard-Caller"

// caller makes each request in the name that its context says.
type caller struct {
	own   http.RoundTripper // with the own credentials
	plain http.RoundTripper // with none
	token func(ctx context.Context, account string) (string, error)
}

func (c *caller) RoundTrip(request *http.Request) (*http.Response, error) {
	account, through := accountOf(request.Context()), c.own
	if account != "" {
		token, err := c.token(AsSelf(request.Context()), account)
		if err != nil {
			if request.Body != nil {
				_ = request.Body.Close() // as every RoundTripper must; nothing was sent
			}
			return nil, err
		}
		request, through = request.Clone(request.Context()), c.plain
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := through.RoundTrip(request)
	if response != nil {
		response.Header.Set(callerHeader, account)
	}
	return response, err
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
