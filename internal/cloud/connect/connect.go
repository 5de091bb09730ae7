// Package connect makes the HTTP connections to Google's APIs: which endpoint
// each API has, with what credentials, and what a failed call means.
package connect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/iapguard/iapguard/internal/report"
)

// API names one of the APIs that can have an endpoint of its own.
type API string

// The APIs.
const (
	Run             API = "RUN"
	Compute         API = "COMPUTE"
	IAP             API = "IAP"
	ServiceUsage    API = "SERVICEUSAGE"
	ResourceManager API = "RESOURCEMANAGER"
	Logging         API = "LOGGING"
	PubSub          API = "PUBSUB"
	Eventarc        API = "EVENTARC"
	Scheduler       API = "CLOUDSCHEDULER"
	SecurityCenter  API = "SECURITYCENTER"
	SecretManager   API = "SECRETMANAGER"
	IAM             API = "IAM"
	IAMCredentials  API = "IAMCREDENTIALS"
	Storage         API = "STORAGE"
	NetworkSecurity API = "NETWORKSECURITY"
	Monitoring      API = "MONITORING"
	KMS             API = "CLOUDKMS"
	CloudAsset      API = "CLOUDASSET"
)

// basePath is what the generated clients expect an endpoint to end in, beside
// the bare host. Source: the clients' own basePath constants.
var basePath = map[API]string{Compute: "compute/v1/", Storage: "storage/v1/"}

// Config says where the APIs are and who is calling.
type Config struct {
	// Endpoint is one base URL for all APIs; "" = Google's own.
	Endpoint string
	// Endpoints are base URLs for single APIs; they take precedence over Endpoint.
	Endpoints map[API]string
	// Self is our own service account, named as the caller to a plain-http endpoint
	// on the loopback; "" = no caller is named.
	Self string
	// DoorsAddress is the host:port of a local cloud at which frontends and
	// run.app hosts are asked for; "" = there is none. The program that runs a local
	// cloud sets it; it is never read from outside.
	DoorsAddress string
	// Impersonator gets the tokens of impersonated accounts; nil = every call is made
	// as our own account.
	Impersonator *Impersonator
	// Wrap is put around the transport of every client; nil = nothing is.
	Wrap func(http.RoundTripper) http.RoundTripper
	// Sleep is how calls that wait for an operation pause between two looks; nil =
	// by the machine's clock.
	Sleep Sleep
	// Clock bounds how long calls take; nil = the machine's. A clock that jumps while a call is
	// under way ends the call.
	Clock clockwork.Clock
	// UserAgent is the product token and version, "iapguard/1.2.3".
	UserAgent string
}

// Check refuses endpoints to which no request may be sent: plain http is for
// the loopback only, since Google's credentials must never travel in clear.
func (c Config) Check() error {
	var problems []error
	if c.Endpoint != "" {
		problems = append(problems, checkEndpoint("endpoint", c.Endpoint))
	}
	for api, endpoint := range c.Endpoints {
		problems = append(problems, checkEndpoint("endpoint of "+string(api), endpoint))
	}
	return errors.Join(problems...)
}

func checkEndpoint(what, endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil:
		return fmt.Errorf("%s %q is not a valid base URL: write https://HOST or http://127.0.0.1:PORT", what, endpoint)
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("%s %q: scheme %q is not known: write https", what, endpoint, u.Scheme)
	case !loopback(u.Hostname()):
		return fmt.Errorf("%s %q is plain http to another machine, which gets no credentials: write https", what, endpoint)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Local reports whether the load balancers or the services are those of a local
// cloud.
func (c Config) Local() bool {
	for _, api := range []API{Run, Compute} {
		if strings.HasPrefix(c.endpoint(api), "http://") {
			return true
		}
	}
	return false
}

func (c Config) endpoint(api API) string {
	endpoint := c.Endpoint
	if own := c.Endpoints[api]; own != "" {
		endpoint = own
	}
	if endpoint == "" {
		return ""
	}
	return strings.TrimSuffix(endpoint, "/") + "/" + basePath[api]
}

// Options are what a generated client needs to call one API. Its UserAgent
// field has to be set beside them: clients ignore the option for it when they
// are given an HTTP client.
func (c Config) Options(ctx context.Context, api API) ([]option.ClientOption, error) {
	endpoint := c.endpoint(api)
	if err := c.Check(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(endpoint, "http://") {
		own, err := newRenewable(func() (http.RoundTripper, error) {
			return &localCaller{base: c.transport(), self: c.Self}, nil
		})
		client := c.client(&caller{own: own, plain: c.transport(), token: c.localToken})
		return []option.ClientOption{option.WithHTTPClient(client), option.WithEndpoint(endpoint)}, err
	}
	lasting := context.WithoutCancel(ctx) // credentials outlive the call that made the client
	own, err := newRenewable(func() (http.RoundTripper, error) {
		// What the library would measure by itself is measured by Wrap, if at all.
		return htransport.NewTransport(lasting, c.transport(), option.WithScopes(scope), option.WithTelemetryDisabled())
	})
	if err != nil {
		return nil, fmt.Errorf("finding credentials for %s: %w", api, err)
	}
	client := c.client(&caller{own: own, plain: c.transport(), token: c.Impersonator.token})
	options := []option.ClientOption{option.WithHTTPClient(client)}
	if endpoint != "" {
		options = append(options, option.WithEndpoint(endpoint))
	}
	return options, nil
}

// localToken returns the token for a call to a local cloud as another account: one
// that it issued itself, or the account's name where only Google could issue one.
// Google's tokens never travel in clear.
func (c Config) localToken(ctx context.Context, account string) (string, func(), error) {
	if strings.HasPrefix(c.endpoint(IAMCredentials), "http://") {
		return c.Impersonator.token(ctx, account)
	}
	return "serviceAccount:" + account, func() {}, nil
}

func (c Config) transport() http.RoundTripper {
	if c.Wrap == nil {
		return countingTransport
	}
	return c.Wrap(countingTransport)
}

// Authorized is a client with Google's credentials for anything but the recipe's
// APIs. Its calls are not counted for reports, it refuses all but https, and no credentials follow
// a redirect to another place.
func Authorized(ctx context.Context) (*http.Client, error) {
	secured := roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.URL.Scheme != "https" {
			return nil, fmt.Errorf("sending credentials to %s: only https gets any", request.URL.Host)
		}
		return pooled.RoundTrip(request)
	})
	transport, err := htransport.NewTransport(ctx, secured, option.WithScopes(scope), option.WithTelemetryDisabled())
	if err != nil {
		return nil, fmt.Errorf("finding credentials: %w", err)
	}
	return &http.Client{Transport: transport, CheckRedirect: samePlace}, nil
}

// countingTransport is the one transport under all clients: connections are shared, and
// every request is counted for the report that caused it.
var countingTransport http.RoundTripper = roundTripper(func(request *http.Request) (*http.Response, error) {
	report.Count(request.Context())
	return pooled.RoundTrip(request)
})

var pooled = func() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32 // observations read side by side
	transport.MaxResponseHeaderBytes = maxHeader
	return transport
}()

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
