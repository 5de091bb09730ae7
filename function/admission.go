package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/singleflight"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/identity"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/timeout"
)

const (
	// ownDoorFor is how long a reading of our own service's settings is believed. A direct
	// command reads them anew, but for those that came at nearly the same time.
	ownDoorFor, ownDoorForCommands = 5 * time.Minute, time.Second
	// ownDoorPatience bounds one reading.
	ownDoorPatience = 5 * time.Second
	// ownDoorPause is how long after a reading that failed none is tried: callers wait for each.
	ownDoorPause = 5 * time.Second
	// freshFor is how long after its issue a token may send a direct command, and skew how far
	// clocks may differ.
	freshFor, skew = 5 * time.Minute, time.Minute
	// mostUsed bounds how many used tokens an instance remembers. They are kept for longer than
	// one of them is fresh.
	mostUsed = 10_000
)

// TokenUsed is what is said of a token that sent a command before.
const TokenUsed = "was used for a command already"

// visitor is who calls.
type visitor struct {
	email  string // "" = nobody checked who calls
	direct bool   // a person sends a command, and no message is delivered
	// uncounted is why it is not known whether another instance took the token before; nil =
	// none did.
	uncounted error
}

// refusal is why a caller is not let in, and with which status.
type refusal struct {
	status int
	why    string
}

func (r refusal) Error() string { return r.why }

// admission checks who calls, by an identity token. Cloud Run checks the signature of a token
// and replaces it, so its claims are worth nothing while Cloud Run's own check is off, or lets
// in everybody: then nobody is let in here.
type admission struct {
	callers   Callers
	reader    *identity.Reader
	own       posture.Target // the service that this is; zero = Cloud Run is not before it
	ownDoor   func(context.Context, posture.Target) (cloud.OwnDoor, error)
	approvers func() []string // members that the policy names
	clock     clockwork.Clock
	log       *slog.Logger
	used      *lru.Cache[string, time.Time] // tokens of direct commands that came to this instance
	// useToken counts a token once for the whole deployment.
	useToken func(ctx context.Context, sum, use string) (first bool, err error)

	readings singleflight.Group // of the own settings: one at a time
	mu       sync.Mutex         // of what follows; no call is made under it
	last     ownReading
}

// errNoAudience means that tokens cannot be checked.
var errNoAudience = errors.New(prefix + "AUDIENCE is not set: outside Cloud Run it says what callers' tokens are made out to")

// errNobodyCalls means that nobody could call.
var errNobodyCalls = errors.New(prefix + "CALLERS_EVENTS, " + prefix + "CALLERS_WORK and " + prefix + "CALLERS_COMMANDS are " +
	"not set: on Cloud Run they name the accounts that deliver messages to /, /work and /commands")

// newAdmission returns nil where nobody checks who calls: never on Cloud Run.
func newAdmission(ctx context.Context, config Config, approvers func() []string, log *slog.Logger) (*admission, error) {
	switch {
	case !config.Callers.checked() && config.OnCloudRun():
		return nil, errNobodyCalls
	case !config.Callers.checked():
		log.WarnContext(ctx, "who calls is not checked: no variable says who may")
		return nil, nil
	case len(config.Callers.Audiences) == 0 && !config.OnCloudRun():
		return nil, errNoAudience
	}
	used, err := lru.New[string, time.Time](mostUsed)
	if err != nil {
		return nil, fmt.Errorf("making the list of used tokens: %w", err) // only for a size below 1
	}
	return &admission{
		callers: config.Callers, reader: identity.New(ctx, config.Connect, config.clock().Now), own: config.Runtime.Service,
		approvers: approvers, clock: config.clock(), log: log, used: used,
	}, nil
}

// admit checks who calls a path. Its error is a refusal.
func (a *admission) admit(ctx context.Context, path string, header http.Header) (visitor, error) {
	if a == nil {
		return visitor{}, nil
	}
	text, borne := bearer(header)
	if !borne {
		return visitor{}, refusal{http.StatusUnauthorized, "no identity token came with the request"}
	}
	behind := a.own != posture.Target{}
	var door cloud.OwnDoor
	if behind {
		var err error
		if door, err = a.believe(ctx, ownDoorFor); err != nil {
			return visitor{}, refusal{http.StatusServiceUnavailable, "callers are not believed: " + err.Error()}
		}
	}
	token, err := a.reader.Read(ctx, text, behind)
	if err != nil {
		return visitor{}, refusal{http.StatusUnauthorized, "the token is refused: " + err.Error()}
	}
	token.Email = strings.ToLower(token.Email)
	if !a.addressed(token.Audience, path, door.URLs) {
		return visitor{}, refusal{http.StatusUnauthorized, fmt.Sprintf("the token of %s is made out to %.200q, not to this function",
			token.Email, token.Audience)}
	}
	if a.callers.pushes(token.Email, path) {
		return visitor{email: token.Email}, nil
	}
	if path != CommandsPath || !a.commands(token.Email) {
		return visitor{}, refusal{http.StatusForbidden, fmt.Sprintf("%s may not call %s", token.Email, path)}
	}
	return a.direct(ctx, token, behind)
}

// direct lets in who sends a command, once with each token.
func (a *admission) direct(ctx context.Context, token identity.Token, behind bool) (visitor, error) {
	now := a.clock.Now()
	if age := now.Sub(token.IssuedAt); age > freshFor || age < -skew {
		return visitor{}, refusal{http.StatusUnauthorized, fmt.Sprintf("the token of %s was issued at %s: a command needs one that "+
			"was issued within the last %s", token.Email, token.IssuedAt.UTC().Format(time.RFC3339), freshFor)}
	}
	if behind {
		if _, err := a.believe(ctx, ownDoorForCommands); err != nil {
			return visitor{}, refusal{http.StatusServiceUnavailable, "callers are not believed: " + err.Error()}
		}
	}
	again := refusal{http.StatusUnauthorized, "the token of " + token.Email + " " + TokenUsed + ": take a new one for each"}
	if used, _, _ := a.used.PeekOrAdd(token.Sum, now); !used.IsZero() {
		return visitor{}, again
	}
	first, err := a.useToken(ctx, token.Sum, uuid.NewString())
	if err == nil && !first {
		return visitor{}, again
	}
	return visitor{email: token.Email, direct: true, uncounted: err}, nil
}

// commands reports whether an account may send commands directly.
func (a *admission) commands(email string) bool {
	return slices.Contains(a.callers.Operators, email) || posture.Includes(a.approvers(), "serviceAccount:"+email) ||
		posture.Includes(a.approvers(), "user:"+email)
}

// addressed reports whether a token is made out to this function, or to the path that is called.
func (a *admission) addressed(audience, path string, urls []string) bool {
	for _, ours := range append(slices.Clone(a.callers.Audiences), urls...) {
		if ours = strings.TrimSuffix(ours, "/"); audience == ours || audience == ours+"/" || audience == ours+path {
			return true
		}
	}
	return false
}

// bearer is the token of a request, from the one header in which Cloud Run looks for it. Source:
// run/docs/authenticating/service-to-service.
func bearer(header http.Header) (string, bool) {
	value := header.Get("X-Serverless-Authorization")
	if value == "" {
		value = header.Get("Authorization")
	}
	scheme, text, _ := strings.Cut(value, " ")
	text = strings.TrimSpace(text)
	return text, strings.EqualFold(scheme, "bearer") && text != ""
}

// ownReading is what is known of our own service's settings.
type ownReading struct {
	begun int       // counts the readings that began
	ended int       // is the number of the last one that ended
	good  time.Time // when the last one began by which callers can be believed
	lost  time.Time // when one last failed
	door  cloud.OwnDoor
	bad   error // why callers cannot be believed; nil = they can
}

// answers reports whether a reading serves who asks at a time, for a reading that is not older
// than atMost. begun is how many had begun then: a later one serves, whatever it found.
func (r ownReading) answers(asked time.Time, atMost, sinceLost time.Duration, begun int) bool {
	switch {
	case r.ended > begun, r.bad == nil && !r.good.IsZero() && asked.Sub(r.good) < atMost:
		return true
	case r.lost.IsZero() || sinceLost >= ownDoorPause:
		return false
	}
	return r.bad != nil || r.stands(asked)
}

// stands reports whether the last good reading stays in force after one that failed.
func (r ownReading) stands(now time.Time) bool {
	return r.bad == nil && !r.good.IsZero() && now.Sub(r.good) < 2*ownDoorFor
}

// believe reports whether Cloud Run checks who calls, as of a reading that is not older than
// atMost. A reading that fails leaves the one before in force for as long again. One reading is
// made at a time; who waits for it heeds the own context alone.
func (a *admission) believe(ctx context.Context, atMost time.Duration) (cloud.OwnDoor, error) {
	asked := a.clock.Now()
	for begun := a.known().begun; ; {
		if last := a.known(); last.answers(asked, atMost, a.clock.Since(last.lost), begun) {
			return last.door, last.bad
		}
		reading := a.readings.DoChan("", func() (any, error) {
			a.readOwn(context.WithoutCancel(ctx)) // it serves others too
			return nil, nil
		})
		select {
		case <-reading:
		case <-ctx.Done():
			return cloud.OwnDoor{}, fmt.Errorf("waiting until it is read who may call %s: %w", a.own.Name(), context.Cause(ctx))
		}
	}
}

func (a *admission) known() ownReading {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// readOwn makes one reading. No second one is under way.
func (a *admission) readOwn(ctx context.Context) {
	a.mu.Lock()
	a.last.begun++
	began := a.clock.Now()
	a.mu.Unlock()
	ctx, cancel := timeout.With(ctx, a.clock, ownDoorPatience, "Cloud Run")
	found, err := a.ownDoor(ctx, a.own)
	err = timeout.Explain(ctx, err)
	cancel()
	next := a.known()
	switch {
	case err != nil && next.stands(began):
		next.lost = a.clock.Now()
		a.log.WarnContext(ctx, "who may call this function could not be read: the last reading is believed", "err", err)
	case err != nil:
		next.lost = a.clock.Now()
		next.door, next.bad = cloud.OwnDoor{}, fmt.Errorf("reading who may call %s: %w", a.own.Name(), err)
	default:
		next.door, next.bad = found, a.guarded(found)
	}
	if next.bad != nil {
		a.log.ErrorContext(ctx, "callers are not believed: nothing is taken from anybody", "err", next.bad)
	} else if err == nil {
		next.good = began
	}
	next.ended = next.begun
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = next
}

// guarded says why Cloud Run's check of our callers is not enough, nil where it is.
func (a *admission) guarded(own cloud.OwnDoor) error {
	if own.CheckOff {
		return fmt.Errorf("the invoker check of %s is off: turn it on", a.own.Name())
	}
	listed := a.callers.all()
	for _, member := range own.Invokers {
		_, email, _ := strings.Cut(member, ":")
		if slices.Contains(listed, strings.ToLower(email)) || posture.Includes(a.approvers(), member) {
			continue
		}
		return fmt.Errorf("%.200s may invoke %s, and no variable names it: take the role away, or name the account", member,
			a.own.Name())
	}
	return nil
}
