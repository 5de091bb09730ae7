package function

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
)

// heartbeatLasts is how old a heartbeat may be that is believed. Nobody can keep the alert
// quiet for longer with one that they saw.
const heartbeatLasts = 15 * time.Minute

// pulse writes heartbeats and recognises its own. Each has a nonce: the time, and an HMAC of
// the time and of the place where it begins, under a key that all instances find in the
// memory. So a heartbeat that arrives was written by an instance, there and then.
type pulse struct {
	places []string // projects/P, folders/N, organizations/N or projects/P/topics/T
	write  beatWriter
	stored func(ctx context.Context, candidate []byte) ([]byte, error) // the key, from the memory
	now    func() time.Time
	log    *slog.Logger

	reading singleflight.Group // of the key: who asks meanwhile gets that answer
	mu      sync.Mutex
	key     []byte // nil = it was not read yet
}

// parseHeartbeats reads where heartbeats begin: in the logs of projects, folders or
// organizations, or on a topic where there is no sink.
func parseHeartbeats(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var places []string
	for _, place := range strings.Split(text, ",") {
		kind, id, _ := strings.Cut(place, "/")
		project := kind == "projects" && posture.ValidProject(id)
		above := posture.AboveProject(place) && posture.ValidProjectNumber(id) // all three have the same form
		if !project && !above && !topic.Valid(place) {
			return nil, fmt.Errorf("%sHEARTBEAT has %q: write projects/P, folders/N, organizations/N or projects/P/topics/T, "+
				"with commas between them", prefix, place)
		}
		places = append(places, place)
	}
	return places, nil
}

// beatWriter writes a heartbeat at a place.
type beatWriter func(ctx context.Context, place, nonce string) error

// openPulse connects what writes heartbeats; log writes those that begin in a log.
func (f *Function) openPulse(ctx context.Context, config Config, log beatWriter) error {
	topics := map[string]*topic.Topic{}
	for _, place := range config.Heartbeats {
		if !topic.Valid(place) {
			continue
		}
		opened, err := f.open(ctx, place, config.PubSubHost)
		if err != nil {
			return err
		}
		topics[place] = opened
	}
	f.pulse = &pulse{places: config.Heartbeats, stored: f.memory.HeartbeatKey, now: f.clock.Now, log: f.log,
		write: func(ctx context.Context, place, nonce string) error {
			to := topics[place]
			if to == nil {
				return log(ctx, place, nonce)
			}
			data, err := json.Marshal(map[string]string{"iapguard": event.HeartbeatWord, "nonce": nonce})
			if err != nil {
				return fmt.Errorf("encoding a heartbeat: %w", err)
			}
			return to.Send(ctx, data)
		}}
	return nil
}

// beat writes a heartbeat at each place. One that cannot be written is missed by the alert.
func (p *pulse) beat(ctx context.Context) {
	if len(p.places) == 0 {
		return
	}
	key, err := p.secret(ctx)
	if err != nil {
		p.log.ErrorContext(ctx, "no heartbeat is written: its key is not known", "err", err)
		return
	}
	at := strconv.FormatInt(p.now().Unix(), 10)
	for _, place := range p.places {
		if err := p.write(ctx, place, at+"."+signed(key, place, at)); err != nil {
			p.log.ErrorContext(ctx, "a heartbeat cannot be written", "to", place, "err", err)
		}
	}
}

// secret is the key of the nonces. Where the memory takes long, everybody waits for the same
// answer: heartbeats that somebody forges meanwhile do not wait for one another.
func (p *pulse) secret(ctx context.Context) ([]byte, error) {
	if key := p.known(); key != nil {
		return key, nil
	}
	read := p.reading.DoChan("", func() (any, error) {
		candidate := make([]byte, sha256.Size)
		rand.Read(candidate) // it never fails
		key, err := p.stored(context.WithoutCancel(ctx), candidate)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.key = key
		return nil, nil
	})
	select {
	case answer := <-read:
		return p.known(), answer.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// known is the key, nil = it was not read yet.
func (p *pulse) known() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.key
}

// signed is the HMAC of a place and a time.
func signed(key []byte, place, at string) string {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(place + "\n" + at))
	return hex.EncodeToString(hash.Sum(nil))
}

// heard returns where a heartbeat began and when, or why it is not believed.
func (p *pulse) heard(ctx context.Context, cause event.Cause) (place string, at time.Time, err error) {
	key, err := p.secret(ctx)
	if err != nil {
		return "", at, err
	}
	text, sum, _ := strings.Cut(cause.Nonce, ".")
	for _, place := range p.places {
		here := place == cause.Resource || cause.Resource == "" && topic.Valid(place)
		if !here || !hmac.Equal([]byte(sum), []byte(signed(key, place, text))) {
			continue
		}
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", at, fmt.Errorf("reading the time of a heartbeat: %w", err)
		}
		at = time.Unix(seconds, 0)
		if age := p.now().Sub(at); age > heartbeatLasts {
			return "", at, fmt.Errorf("it is %s old: somebody repeats it, or delivery is that slow", age.Round(time.Second))
		}
		return place, at, nil
	}
	return "", at, fmt.Errorf("no heartbeat of ours begins there with that nonce")
}

// heartbeat logs that a heartbeat of ours arrived, from where, and how long that took. An
// alert watches for the line's absence, so that others' heartbeats have another one.
func (f *Function) heartbeat(ctx context.Context, cause event.Cause) {
	place, at, err := f.pulse.heard(ctx, cause)
	if err != nil {
		f.log.WarnContext(ctx, "a heartbeat is not believed", "from", cause.Resource, "key", cause.Key, "err", err)
		return
	}
	now := f.clock.Now()
	if _, err := f.memory.UpdateDeployment(ctx, func(d *memory.Deployment) bool { return d.SeeHeartbeat(place, now) }); err != nil {
		f.log.WarnContext(ctx, "status will not know of this heartbeat", "from", place, "err", err)
	}
	f.log.InfoContext(ctx, "heartbeat", "from", place, "key", cause.Key, "lag_seconds", f.clock.Now().Sub(at).Seconds())
}
