package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/time/rate"

	"github.com/iapguard/iapguard/internal/fault"
)

const (
	// slowdown is the part of the rate so far that is left after a refusal, and speedup by what a
	// rate grows in each second without one.
	slowdown, speedup = 0.7, 1.1
	slowest, fastest  = 0.5, 1000 // calls a second; above the second nothing is bounded
	// pauseAfter is how long calls pause after a refusal that asks for no time of its own, and
	// longestPause how long they pause at most.
	pauseAfter, longestPause = time.Second, 30 * time.Second
	// exhaustedAfter is how long a quota may refuse everything. Then further calls fail at once,
	// but for one in each probeEvery.
	exhaustedAfter, probeEvery = time.Minute, 10 * time.Second
	// maxRefusal bounds how much of a refusal is read.
	maxRefusal = 64 << 10
)

// pacedKey is the context key of calls that wait for a quota.
type pacedKey struct{}

// Paced returns a context whose calls are slowed down to what quotas take, for looks at many
// services. A call that a quota refuses is repeated. The calls of others are not held back: few of
// them come at a time, and their senders wait.
func Paced(ctx context.Context) context.Context { return context.WithValue(ctx, pacedKey{}, true) }

// paced is the transport of one API that learns from refusals how many calls its quotas take. A
// quota is that of a project, which the refusal names; until then nothing is known of it, and
// nothing held back.
type paced struct {
	base  http.RoundTripper
	clock clockwork.Clock
	sleep Sleep

	mu      sync.Mutex
	holders map[string]string // project in a call's path → the project whose quota it uses
	quotas  map[string]*quota // by that project; "" = one that no refusal names
}

// quota is what was learnt of one quota.
type quota struct {
	limiter *rate.Limiter
	until   time.Time // calls pause until then
	refused time.Time // since when there was nothing but refusals; zero = the last call was let in
	probed  time.Time // when the last call was tried since then
	slowed  time.Time // when the rate changed last
	counted time.Time // since when calls are counted
	calls   int
}

func newPaced(base http.RoundTripper, clock clockwork.Clock, sleep Sleep) *paced {
	return &paced{base: base, clock: clock, sleep: sleep, holders: map[string]string{}, quotas: map[string]*quota{}}
}

// RoundTrip makes a call as soon as the quota takes it.
func (p *paced) RoundTrip(request *http.Request) (*http.Response, error) {
	if paced, _ := request.Context().Value(pacedKey{}).(bool); !paced {
		return p.base.RoundTrip(request)
	}
	project := projectIn(request.URL.Path)
	for next := request; ; {
		if err := p.wait(request.Context(), project); err != nil {
			if next.Body != nil {
				_ = next.Body.Close() // as every RoundTripper must; nothing was sent
			}
			return nil, err
		}
		response, err := p.base.RoundTrip(next)
		if err != nil {
			return nil, err
		}
		by, refused, err := refusal(response)
		if err != nil {
			return nil, err
		}
		if !p.learn(project, by, refused, retryAfter(response.Header)) {
			return response, nil
		}
		repeated, ok := replay(request)
		if !ok {
			return response, nil
		}
		_ = response.Body.Close() // another answer takes its place
		next = repeated
	}
}

// wait waits until the quota that a call uses takes it. Of an exhausted quota it is an error.
func (p *paced) wait(ctx context.Context, project string) error {
	for {
		pause, err := p.next(project)
		if err != nil || pause <= 0 {
			return err
		}
		if err := p.sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// next is how long a call waits now. Zero lets it go out.
func (p *paced) next(project string) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	q := p.quotas[p.holders[project]]
	if q == nil {
		return 0, nil
	}
	if !q.refused.IsZero() && now.Sub(q.refused) >= exhaustedAfter {
		if now.Sub(q.probed) < probeEvery {
			return 0, fault.New(fault.Quota, "the quota%s has taken no call for %s", ofProject(p.holders[project]),
				now.Sub(q.refused).Round(time.Second))
		}
		q.probed = now
		return 0, nil
	}
	if pause := q.until.Sub(now); pause > 0 {
		return pause, nil
	}
	reserved := q.limiter.ReserveN(now, 1)
	if pause := reserved.DelayFrom(now); pause > 0 {
		reserved.CancelAt(now) // it asks again then
		return pause, nil
	}
	q.calls++
	return 0, nil
}

func ofProject(holder string) string {
	if holder == "" {
		return ""
	}
	return " of " + holder
}

// learn notes how a call ended, and reports whether it is to be repeated.
func (p *paced) learn(project, holder string, refused bool, asked time.Duration) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if !refused {
		if q := p.quotas[p.holders[project]]; q != nil {
			q.letIn(now)
		}
		return false
	}
	p.holders[project] = holder
	q := p.quotas[holder]
	if q == nil {
		q = &quota{limiter: rate.NewLimiter(fastest, 1), counted: now}
		p.quotas[holder] = q
	}
	q.refuse(now, asked)
	return now.Sub(q.refused) < exhaustedAfter
}

// letIn notes that the quota took a call.
func (q *quota) letIn(now time.Time) {
	q.refused = time.Time{}
	if now.Sub(q.slowed) >= time.Second {
		q.slowed = now
		q.limiter.SetLimitAt(now, min(fastest, q.limiter.Limit()*speedup))
	}
	q.count(now)
}

// refuse notes that the quota refused a call. Calls that went out together are refused together,
// which counts once.
func (q *quota) refuse(now time.Time, asked time.Duration) {
	if q.refused.IsZero() {
		q.refused = now
	}
	if now.Before(q.until) {
		return
	}
	if asked <= 0 {
		asked = pauseAfter
	}
	q.until, q.slowed = now.Add(min(asked, longestPause)), now
	took := q.limiter.Limit()
	if since := now.Sub(q.counted).Seconds(); since > 0 && q.calls > 0 {
		took = min(took, rate.Limit(float64(q.calls)/since))
	}
	q.limiter.SetLimitAt(now, max(slowest, took*slowdown))
	q.calls, q.counted = 0, q.until
}

// count begins to count calls anew, so that a rate is one of the last seconds.
func (q *quota) count(now time.Time) {
	if now.Sub(q.counted) > 10*time.Second {
		q.calls, q.counted = 0, now
	}
}

// inPath finds the project that a call is about.
var inPath = regexp.MustCompile(`/(?:projects|namespaces)/([^/:]+)`)

func projectIn(path string) string {
	if found := inPath.FindStringSubmatch(path); found != nil {
		return found[1]
	}
	return ""
}

// refusal reports whether a quota refused a call, and the project that has it, "" where the answer
// does not say. The answer can be read as before.
func refusal(response *http.Response) (holder string, refused bool, err error) {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusForbidden {
		return "", false, nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	if err != nil {
		_ = response.Body.Close()
		return "", false, fmt.Errorf("reading the answer: %w", err)
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), response.Body), response.Body}
	var said struct {
		Error struct {
			Errors  []struct{ Reason string }
			Details []struct {
				Metadata struct{ Consumer string }
			}
		}
	}
	_ = json.Unmarshal(text, &said) // another body names nobody
	for _, detail := range said.Error.Details {
		if detail.Metadata.Consumer != "" {
			holder = detail.Metadata.Consumer
		}
	}
	refused = response.StatusCode == http.StatusTooManyRequests
	for _, each := range said.Error.Errors { // Compute Engine answers 403
		refused = refused || each.Reason == "rateLimitExceeded" || each.Reason == "userRateLimitExceeded"
	}
	return holder, refused, nil
}
