package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/timeout"
)

// inForce is what a deployment has in force, as it said itself, or as far as Secret Manager has it.
type inForce struct {
	to     *recipient
	status function.Status
	// unasked is why the function did not say it, and policyUnread why its policy is not known then.
	unasked, policyUnread error

	mu    sync.Mutex
	asked time.Time
	holds policy.Holds
	err   error // why the holds are not known, or not known any more
}

// holdsLast is how long an answer about holds is used. With the time that a question takes it
// stays below the 30 seconds within which a hold stops every write.
const (
	holdsLast    = 10 * time.Second
	askPatience  = 15 * time.Second
	localPatient = 5 * time.Second
)

// askInForce asks the deployment that a context names; nil = no context is named. For a command
// that only looks, policy and holds are read from Secret Manager where the function does not say
// what is in force; a write would not know the holds that commands placed.
func (s *sending) askInForce(ctx context.Context, writes bool) (*inForce, error) {
	to, err := s.open(ctx)
	if errors.Is(err, errNoContext) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if strings.HasPrefix(to.found.from, folderContext) { // who wrote it may be somebody else
		note(s.stderr(), "the context is %s, by %s", to.found.target.Name(), to.found.from)
	}
	found := &inForce{to: to}
	answer, err := found.ask(ctx)
	// What is wrong with the command line has nothing to do with the function.
	mistyped := answer.Error == "" && errors.As(err, &usageError{}) && !errors.Is(err, errNoAccount)
	if err == nil || mistyped || ctx.Err() != nil {
		return found, err
	}
	if writes {
		return found, fmt.Errorf("%w; to write all the same, name the policy with --policy and the holds with --holds", err)
	}
	said, problem := found.readSecrets(ctx, err)
	if problem != nil {
		return found, fmt.Errorf("%w; in Secret Manager: %w", err, problem)
	}
	note(s.stderr(), "%v; %s", err, said)
	return found, nil
}

// ask asks for the status.
func (f *inForce) ask(ctx context.Context) (function.Answer, error) {
	ctx, cancel := timeout.With(ctx, clockwork.NewRealClock(), askPatience, "the function")
	defer cancel()
	answer, err := f.to.ask(ctx, map[string]any{"command": "status"})
	if err != nil {
		return answer, fmt.Errorf("asking %s (%s) what is in force: %w", f.to.found.target.Name(), f.to.found.from, err)
	}
	if answer.Status == nil {
		return answer, fmt.Errorf("%s is of an older version, which does not say what is in force: deploy this one",
			f.to.found.target.Name())
	}
	f.status, f.asked = *answer.Status, time.Now()
	f.holds, f.err = holdsOf(f.status) // who only looks goes on without them
	return answer, nil
}

// policy is the policy in force.
func (f *inForce) policy() (policy.Policy, error) {
	if f.policyUnread != nil {
		return policy.Policy{}, f.policyUnread
	}
	if f.status.PolicyText == "" {
		return policy.Policy{}, nil
	}
	rules, err := policy.Parse([]byte(f.status.PolicyText), time.Now())
	if err != nil {
		return rules, fmt.Errorf("the policy of %s cannot be read here, by version %s; it runs %s: %w", f.to.found.target.Name(),
			function.Version, cmp.Or(f.status.Version, "one that is not known"), err)
	}
	return rules, nil
}

// current are the holds in force, asked for again before a write.
func (f *inForce) current(ctx context.Context) (policy.Holds, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unasked == nil && time.Since(f.asked) >= holdsLast {
		if _, err := f.ask(ctx); err != nil {
			f.err = err
		}
	}
	return f.holds, f.err
}

// header is the first line of what is printed, with the digest of the policy that counts.
func (f *inForce) header(digest string) line {
	return contextLine(f.to.found.target.Name(), digest, len(f.status.Holds), f.err != nil)
}

// contextLine says what counts. unheld means that other holds may be in force.
func contextLine(name, digest string, holds int, unheld bool) line {
	held := counted(holds, "hold") + " in force"
	if unheld {
		held += " as far as known"
	}
	return line{lead: "context", style: dim, hang: 2,
		text: fmt.Sprintf(" %s, policy %s, %s", name, cmp.Or(digest, "not known"), held)}
}

// holdsOf are the holds that a deployment named.
func holdsOf(status function.Status) (policy.Holds, error) {
	var holds policy.Holds
	for _, one := range status.Holds {
		hold, err := policy.HoldOn(one.Target)
		if err != nil {
			return holds, fmt.Errorf("reading the holds of the deployment: %w", err)
		}
		hold.Until, hold.Reason, hold.By = one.Until, one.Reason, one.By
		holds = holds.Plus(hold)
	}
	if status.HoldsUnread != "" {
		return holds, fmt.Errorf("the deployment's holds: %s", status.HoldsUnread)
	}
	return holds, nil
}

// dataURL is where a local cloud at an endpoint has its frontends, "" = what answers there is
// no local cloud.
func dataURL(ctx context.Context, endpoint string) string {
	at, err := url.Parse(endpoint)
	if err != nil || !isLoopback(at.Hostname()) {
		return ""
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_local/about", nil)
	if err != nil {
		return ""
	}
	response, err := (&http.Client{Transport: &http.Transport{}, Timeout: localPatient}).Do(request) // no proxy
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	var about struct {
		Data string `json:"data"`
	}
	if json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&about) != nil {
		return ""
	}
	return about.Data
}

// announce prints the header of a text, and warns of what does not count here.
func (f *inForce) announce(out, stderr io.Writer, digest string, remembers bool) {
	newScreen(out).print(f.header(digest))
	if !remembers {
		note(stderr, "limits, contests and the circuit breaker of the deployment do not count here: have the "+
			"function act with iapguard send, or name its memory with IAPGUARD_MEMORY if you may read it")
	}
}
