package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/cache"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/timeout"
)

const (
	// readyPatience is how long the parts may take to answer whether they are there, and
	// readyKept how long the answer is used: nobody's token is checked for it.
	readyPatience = 15 * time.Second
	readyKept     = 30 * time.Second
	// mostReady bounds of how many projects the permissions are asked for.
	mostReady = 20
)

// readiness keeps what the parts answered.
type readiness = cache.Cache[[]string]

func (f *Function) newReadiness() (err error) {
	f.ready, err = cache.New(cache.Options[[]string]{Size: 1, TTL: readyKept, Now: f.clock.Now})
	return err
}

// NotReady says what is missing for the work, a line each: topics, the memory, the signing key, permissions,
// and files whose reads hang. What is missing stops neither the start nor messages: each says
// so by itself.
func (f *Function) NotReady(ctx context.Context) []string {
	problems, err := f.ready.Get(ctx, "", func(ctx context.Context) ([]string, error) {
		ctx, cancel := timeout.With(context.WithoutCancel(ctx), f.clock, readyPatience, "Google Cloud")
		defer cancel()
		return f.asked(ctx), nil
	})
	if err != nil {
		problems = []string{fmt.Sprintf("nothing was asked: %v", err)}
	}
	problems = slices.Clone(problems) // others have the kept ones
	for _, file := range []*watchedFile{f.policies.text, f.holds.file} {
		if since := file.stuckSince(); !since.IsZero() {
			problems = append(problems, fmt.Sprintf("a read of %s has hung since %s", file.path, since.UTC().Format(time.RFC3339)))
		}
	}
	return problems
}

// asked asks all parts side by side.
func (f *Function) asked(ctx context.Context) []string {
	asks := []func() error{func() error {
		if _, err := f.memory.Deployment(ctx); err != nil && !errors.Is(err, memory.ErrMissing) {
			return fmt.Errorf("the memory: %w", err)
		}
		return nil
	}}
	for _, opened := range f.opened {
		asks = append(asks, func() error { return opened.Check(ctx) })
	}
	if f.signingKey != nil {
		asks = append(asks, func() error { _, err := f.signingKey.Public(ctx); return err })
	}
	projects := f.policies.projects()
	if len(projects) == 0 && f.self.Account() != "" {
		_, domain, _ := strings.Cut(f.self.Account(), "@")
		if project, known := strings.CutSuffix(domain, ".iam.gserviceaccount.com"); known {
			projects = []string{project}
		}
	}
	for _, project := range projects[:min(len(projects), mostReady)] {
		asks = append(asks, func() error {
			lacks, err := f.cloud.Lacks(ctx, project)
			if err == nil && len(lacks) > 0 {
				err = fmt.Errorf("in project %s %s may not: %s", project, f.self.Account(), strings.Join(lacks, ", "))
			}
			return err
		})
	}
	answers := make([]error, len(asks))
	var group errgroup.Group
	for i, ask := range asks {
		group.Go(func() error { answers[i] = timeout.Explain(ctx, ask()); return nil })
	}
	_ = group.Wait() // the errors are the answers
	var problems []string
	for _, err := range answers {
		if err != nil {
			problems = append(problems, strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
	return problems
}

// health answers whether this instance takes messages, and with the query ready whether what
// it needs for the work is there.
func (f *Function) health(w http.ResponseWriter, r *http.Request) {
	if f.drain.isClosed() {
		refuse(w)
		return
	}
	if !r.URL.Query().Has("ready") {
		return
	}
	if problems := f.NotReady(r.Context()); len(problems) > 0 {
		http.Error(w, "iapguard is not ready:\n"+strings.Join(problems, "\n"), http.StatusServiceUnavailable)
	}
}
