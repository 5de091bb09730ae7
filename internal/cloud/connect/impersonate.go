package connect

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"golang.org/x/sync/singleflight"
	iamcredentials "google.golang.org/api/iamcredentials/v1"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

const (
	// scope is the OAuth scope of all calls. IAM decides what they may do.
	scope = "https://www.googleapis.com/auth/cloud-platform"
	// lifetime is how long an impersonated token can be used. The API's longest,
	// one hour, saves little more.
	lifetime = 15 * time.Minute
	// canImpersonate is the permission, on the account, and tokenCreator the role
	// that has it. Source: iam/docs/create-short-lived-credentials-direct.
	canImpersonate = "iam.serviceAccounts.getAccessToken"
	tokenCreator   = "roles/iam.serviceAccountTokenCreator"
)

// Impersonator gets the access tokens of service accounts that our own may
// impersonate, and keeps each until shortly before it expires.
type Impersonator struct {
	config     Config
	connecting singleflight.Group

	mu     sync.Mutex // not held while anything is called
	api    *iamcredentials.Service
	tokens map[string]auth.TokenProvider // by account
}

// NewImpersonator makes no call: credentials are looked for when the first token
// is needed.
func NewImpersonator(config Config) *Impersonator {
	return &Impersonator{config: config, tokens: map[string]auth.TokenProvider{}}
}

// token returns a token of an account. The library keeps it, and the caller waits
// for a new one, so that a withdrawn right to impersonate shows at once.
func (i *Impersonator) token(ctx context.Context, account string) (string, func(), error) {
	if i == nil {
		return "", nil, fault.New(fault.Invalid, "calling as %s: no impersonator is configured", account)
	}
	if err := i.connect(ctx); err != nil {
		return "", nil, err
	}
	provider := i.provider(account)
	token, err := provider.Token(ctx)
	if err != nil {
		return "", nil, fmt.Errorf("impersonating %s: %w", account, err)
	}
	return token.Value, func() { i.discard(account, provider) }, nil
}

// connect makes the client of the IAM Credentials API once.
func (i *Impersonator) connect(ctx context.Context) error {
	_, err, _ := i.connecting.Do("", func() (any, error) {
		i.mu.Lock()
		connected := i.api != nil
		i.mu.Unlock()
		if connected {
			return nil, nil
		}
		options, err := i.config.Options(ctx, IAMCredentials)
		if err != nil {
			return nil, err
		}
		api, err := iamcredentials.NewService(context.WithoutCancel(ctx), options...)
		if err != nil {
			return nil, fmt.Errorf("connecting to IAM Credentials: %w", err)
		}
		api.UserAgent = i.config.UserAgent
		i.mu.Lock()
		defer i.mu.Unlock()
		i.api = api
		return nil, nil
	})
	return err
}

func (i *Impersonator) provider(account string) auth.TokenProvider {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.tokens[account] == nil {
		i.tokens[account] = auth.NewCachedTokenProvider(&impersonatedToken{i, i.api, account},
			&auth.CachedTokenProviderOptions{DisableAsyncRefresh: true})
	}
	return i.tokens[account]
}

// discard drops a token that was refused, unless another call has done so.
func (i *Impersonator) discard(account string, used auth.TokenProvider) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.tokens[account] == used {
		delete(i.tokens, account)
	}
}

// impersonatedToken issues one account's tokens, each time a new one.
type impersonatedToken struct {
	by      *Impersonator
	api     *iamcredentials.Service
	account string
}

// Token asks the IAM Credentials API.
func (t *impersonatedToken) Token(ctx context.Context) (*auth.Token, error) {
	request := &iamcredentials.GenerateAccessTokenRequest{
		Scope: []string{scope}, Lifetime: fmt.Sprintf("%.0fs", lifetime.Seconds()),
	}
	call := t.api.Projects.ServiceAccounts.GenerateAccessToken("projects/-/serviceAccounts/"+t.account, request)
	answer, err := call.Context(ctx).Do()
	if err != nil {
		return nil, t.by.refused(t.account, err)
	}
	expires, err := time.Parse(time.RFC3339, answer.ExpireTime)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "reading when the token expires: %w", err)
	}
	return &auth.Token{Value: answer.AccessToken, Type: "Bearer", Expiry: expires}, nil
}

// IdentityToken returns a new identity token of an account, which names its e-mail address to
// an audience.
func (i *Impersonator) IdentityToken(ctx context.Context, account, audience string) (string, error) {
	if err := i.connect(ctx); err != nil {
		return "", err
	}
	request := &iamcredentials.GenerateIdTokenRequest{Audience: audience, IncludeEmail: true}
	answer, err := i.api.Projects.ServiceAccounts.GenerateIdToken("projects/-/serviceAccounts/"+account, request).
		Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("getting an identity token of %s, which takes roles/iam.serviceAccountOpenIdTokenCreator on it: %w",
			account, Classify(err))
	}
	return answer.Token, nil
}

// refused adds the remedy to an error where no token was issued. The API names no
// account.
func (i *Impersonator) refused(account string, err error) error {
	refusal := *fault.Of(Needing(canImpersonate, err))
	switch refusal.Kind {
	case fault.Denied:
		refusal.Account = account
		if i.config.Self != "" {
			refusal.Remedy = command.GrantAccountRole(account, tokenCreator, "serviceAccount:"+i.config.Self, "").String()
		}
	case fault.NotFound: // of the account, not of what is written
		refusal.Kind = fault.Invalid
		refusal.Remedy = "there is no account " + account +
			": create it, or name the right one for its folder in IAPGUARD_WRITERS"
	case fault.APIDisabled: // in our own project, whose credentials ask
		refusal.Service = ""
		refusal.Remedy = command.EnableAPI("iamcredentials.googleapis.com", projectOf(i.config.Self)).String()
	}
	return &refusal
}

// projectOf is the project that a service account's address names, "" if none.
func projectOf(account string) string {
	_, domain, _ := strings.Cut(account, "@")
	project, ok := strings.CutSuffix(domain, ".iam.gserviceaccount.com")
	if !ok {
		return ""
	}
	return project
}
