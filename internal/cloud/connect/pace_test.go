package connect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/fault"
)

// server answers calls from quotas of so many calls a second, one for each project.
type server struct {
	clock      *clockwork.FakeClock
	perSecond  int
	retryAfter string
	second     map[string]time.Time
	taken      map[string]int
	refused    int
}

func (s *server) RoundTrip(request *http.Request) (*http.Response, error) {
	project := projectIn(request.URL.Path)
	now := s.clock.Now()
	if now.Sub(s.second[project]) >= time.Second {
		s.second[project], s.taken[project] = now, 0
	}
	if s.taken[project]++; s.taken[project] <= s.perSecond {
		taken := io.NopCloser(strings.NewReader("{}"))
		return &http.Response{StatusCode: http.StatusOK, Body: taken, Header: http.Header{}}, nil
	}
	s.refused++
	body := fmt.Sprintf(`{"error":{"code":429,"details":[{"reason":"RATE_LIMIT_EXCEEDED",
		"metadata":{"consumer":"projects/%s"}}]}}`, project)
	return &http.Response{StatusCode: http.StatusTooManyRequests, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Retry-After": {s.retryAfter}}}, nil
}

// pacing is a transport before a server, on a clock that goes while somebody sleeps.
func pacing(perSecond int) (*paced, *server) {
	clock := clockwork.NewFakeClock()
	s := &server{clock: clock, perSecond: perSecond, second: map[string]time.Time{}, taken: map[string]int{}}
	return newPaced(s, clock, func(_ context.Context, d time.Duration) error { clock.Advance(d); return nil }), s
}

func ask(t *testing.T, p *paced, ctx context.Context, project string) (int, error) {
	t.Helper()
	url := "https://run.googleapis.com/v2/projects/" + project + "/x"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := p.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	_ = response.Body.Close()
	return response.StatusCode, nil
}

func TestPacedCallsLearnWhatAQuotaTakes(t *testing.T) {
	const calls, perSecond = 2000, 40
	p, s := pacing(perSecond)
	began := s.clock.Now()
	for i := range calls {
		if status, err := ask(t, p, Paced(t.Context()), "shop"); status != http.StatusOK || err != nil {
			t.Fatalf("call %d: %d, %v", i, status, err)
		}
	}
	if took, least := s.clock.Since(began), calls/perSecond*time.Second; s.refused > calls/20 || took > 3*least {
		t.Errorf("%d of %d calls were refused, and they took %s; want at most one in 20 and three times %s", s.refused, calls,
			took, least)
	}
}

func TestAPauseIsAsLongAsARefusalAsks(t *testing.T) {
	p, s := pacing(1)
	s.retryAfter = "7"
	began := s.clock.Now()
	for range 2 {
		if status, err := ask(t, p, Paced(t.Context()), "shop"); status != http.StatusOK || err != nil {
			t.Fatal(status, err)
		}
	}
	if took := s.clock.Since(began); took < 7*time.Second || took > 8*time.Second || s.refused != 1 {
		t.Errorf("two calls took %s with %d refusals, want 7s and one", took, s.refused)
	}
}

func TestAQuotaThatNeverRecoversEndsTheWait(t *testing.T) {
	p, s := pacing(0)
	began := s.clock.Now()
	status, err := ask(t, p, Paced(t.Context()), "shop")
	if took := s.clock.Since(began); status != http.StatusTooManyRequests || err != nil || took < exhaustedAfter ||
		took > exhaustedAfter+longestPause {
		t.Errorf("the first call: %d, %v after %s; want the refusal after about %s", status, err, took, exhaustedAfter)
	}
	refused, probed := s.refused, s.clock.Now()
	for range 100 {
		_, err = ask(t, p, Paced(t.Context()), "shop")
	}
	if s.refused > refused+1 || fault.Of(err).Kind != fault.Quota || !s.clock.Now().Equal(probed) {
		t.Errorf("100 further calls: %d went out, %s passed, %v; want one at most and no time", s.refused-refused,
			s.clock.Since(probed), err)
	}
	if status, err := ask(t, p, Paced(t.Context()), "other"); status != http.StatusTooManyRequests || err != nil {
		t.Errorf("another project: %d, %v; want its own quota asked", status, err)
	}
	s.perSecond = 1000
	s.clock.Advance(probeEvery)
	if status, err := ask(t, p, Paced(t.Context()), "shop"); status != http.StatusOK || err != nil {
		t.Errorf("after it recovered: %d, %v", status, err)
	}
	if status, err := ask(t, p, Paced(t.Context()), "shop"); status != http.StatusOK || err != nil {
		t.Errorf("after it recovered, the next: %d, %v", status, err)
	}
}

func TestOneQuotaHoldsNoOtherBack(t *testing.T) {
	p, s := pacing(5)
	for range 50 {
		if _, err := ask(t, p, Paced(t.Context()), "shop"); err != nil {
			t.Fatal(err)
		}
	}
	refused, at := s.refused, s.clock.Now()
	for range 5 {
		if status, err := ask(t, p, Paced(t.Context()), "other"); status != http.StatusOK || err != nil {
			t.Fatal(status, err)
		}
	}
	if refused == 0 || s.refused != refused || !s.clock.Now().Equal(at) {
		t.Errorf("%d refusals before, %d of another project, which waited %s", refused, s.refused-refused, s.clock.Since(at))
	}
}

func TestOtherCallsAreNotPaced(t *testing.T) {
	p, s := pacing(0)
	at := s.clock.Now()
	status, err := ask(t, p, t.Context(), "shop")
	if status != http.StatusTooManyRequests || err != nil || s.refused != 1 || !s.clock.Now().Equal(at) {
		t.Errorf("%d, %v after %d calls and %s; want the first refusal at once", status, err, s.refused, s.clock.Since(at))
	}
}

func TestComputesRefusalIsOneOfAQuota(t *testing.T) {
	for body, want := range map[string]bool{
		`{"error":{"code":403,"errors":[{"reason":"rateLimitExceeded"}]}}`: true,
		`{"error":{"code":403,"errors":[{"reason":"forbidden"}]}}`:         false, `no JSON`: false,
	} {
		answer := &http.Response{StatusCode: http.StatusForbidden, Body: io.NopCloser(strings.NewReader(body))}
		_, refused, err := refusal(answer)
		kept, _ := io.ReadAll(answer.Body)
		if refused != want || err != nil || string(kept) != body {
			t.Errorf("%s: %t, %v, and the body is %q", body, refused, err, kept)
		}
	}
}
