package connect

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	iamcredentials "google.golang.org/api/iamcredentials/v1"

	"github.com/iapguard/iapguard/internal/fault"
)

const (
	// scope is what all calls are made with; what they may do is IAM's to say.
	scope = "https://www.googleapis.com/auth/cloud-platform"
	// lifetime is how long a lent token can be used. The API's longest, one hour,
	// saves little more.
	lifetime = 15 * time.Minute
	// canImpersonate is the permission, on the account, and tokenCreator the role
	// that has it. Source: iam/docs/create-short-lived-credentials-direct.
	canImpersonate = "iam.serviceAccounts.getAccessToken"
	tokenCreator   = "roles/iam.serviceAccountTokenCreator"
)

// Lender gets the access tokens of service accounts that the own one may
// impersonate, and keeps each until shortly before it expires.
type Lender struct {
	config Config
	mu     sync.Mutex
	api    *iamcredentials.Service
	tokens map[string]auth.TokenProvider // by account
}

// NewLender calls nobody: credentials are looked for when a token is.
func NewLender(config Config) *Lender {
	return &Lender{config: config, tokens: map[string]auth.TokenProvider{}}
}

// token gives a token of an account. The library keeps it; a new one is waited
// for, so that whoever may no longer impersonate the account learns so.
func (l *Lender) token(ctx context.Context, account string) (string, error) {
	if l == nil {
		return "", fault.New(fault.Invalid, "calling as %s: nobody was named who lends its tokens", account)
	}
	provider, err := l.provider(ctx, account)
	if err != nil {
		return "", err
	}
	token, err := provider.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("impersonating %s: %w", account, err)
	}
	return token.Value, nil
}

func (l *Lender) provider(ctx context.Context, account string) (auth.TokenProvider, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.api == nil {
		options, err := l.config.Options(context.WithoutCancel(ctx), IAMCredentials)
		if err != nil {
			return nil, err
		}
		if l.api, err = iamcredentials.NewService(ctx, options...); err != nil {
			return nil, fmt.Errorf("connecting to IAM Credentials: %w", err)
		}
		l.api.UserAgent = l.config.UserAgent
	}
	if l.tokens[account] == nil {
		l.tokens[account] = auth.NewCachedTokenProvider(&lent{l, account}, &auth.CachedTokenProviderOptions{DisableAsyncRefresh: true})
	}
	return l.tokens[account], nil
}

// lent gets one account's tokens, each time a new one.
type lent struct {
	from    *Lender
	account string
}

// Token asks the IAM Credentials API.
func (l *lent) Token(ctx context.Context) (*auth.Token, error) {
	answer, err := l.from.api.Projects.ServiceAccounts.GenerateAccessToken("projects/-/serviceAccounts/"+l.account,
		&iamcredentials.GenerateAccessTokenRequest{Scope: []string{scope}, Lifetime: fmt.Sprintf("%.0fs", lifetime.Seconds())}).Context(ctx).Do()
	if err != nil {
		return nil, l.from.refused(l.account, err)
	}
	expires, err := time.Parse(time.RFC3339, answer.ExpireTime)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "reading until when the token can be used: %w", err)
	}
	return &auth.Token{Value: answer.AccessToken, Type: "Bearer", Expiry: expires}, nil
}

// refused says what to do where no token was given. The API names no account.
func (l *Lender) refused(account string, err error) error {
	told := *fault.Of(Needing(canImpersonate, err))
	switch told.Kind {
	case fault.Denied:
		told.Account = account
		if l.config.Self != "" {
			told.Remedy = fmt.Sprintf("gcloud iam service-accounts add-iam-policy-binding %s --member=serviceAccount:%s --role=%s",
				account, l.config.Self, tokenCreator)
		}
	case fault.NotFound: // of the account, not of what is written
		told.Kind = fault.Invalid
		told.Remedy = "there is no account " + account + ": make it, or name the right one for its folder in IAPGUARD_WRITERS"
	case fault.APIDisabled: // in the own project, whose credentials ask
		told.Service = ""
		told.Remedy = "gcloud services enable iamcredentials.googleapis.com" + ownProject(l.config.Self)
	}
	return &told
}

// ownProject is the flag with the project that a service account's address ends in.
func ownProject(account string) string {
	_, domain, _ := strings.Cut(account, "@")
	if project, ok := strings.CutSuffix(domain, ".iam.gserviceaccount.com"); ok {
		return " --project=" + project
	}
	return ""
}
