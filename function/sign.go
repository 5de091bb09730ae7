package function

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/internal/attest"
	"github.com/iapguard/iapguard/internal/cloud/kms"
	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/timeout"
)

const (
	// signPatience is how long a signature may take, its publishing included. An instance that is
	// being stopped has 10 s, and messages in hand take 3.5 s of them.
	signPatience = 3 * time.Second
	// mostSigning bounds the signatures that are under way, so that a key that does not answer
	// holds up no memory.
	mostSigning = 256
)

// reportSigner signs reports once they are published, beside everything else: no step waits for
// a signature. nil signs nothing.
type reportSigner struct {
	with  attest.Signer
	to    *topic.Topic
	clock clockwork.Clock
	log   *slog.Logger
	slots chan struct{}
}

// openSigner opens the key and the topic of the envelopes, where a key is configured.
func (f *Function) openSigner(ctx context.Context, config Config) error {
	if config.SigningKey == "" {
		return nil
	}
	if config.SignaturesTopic == "" {
		return errSigning
	}
	key, err := kms.Open(ctx, config.Connect, config.SigningKey)
	if err != nil {
		return err
	}
	to, err := f.open(ctx, config.SignaturesTopic, config.PubSubHost)
	if err != nil {
		return err
	}
	f.signingKey = key
	f.signer = &reportSigner{with: attest.Signer{Key: key, Account: config.Self}, to: to, clock: f.clock, log: f.log,
		slots: make(chan struct{}, mostSigning)}
	return nil
}

// signaturesKey is the key of a request's signatures in its context.
type signaturesKey struct{}

// signatures are those of one request that are under way.
type signatures struct {
	mu      sync.Mutex
	ended   bool // nobody waits any more
	pending sync.WaitGroup
}

// group returns a context whose reports' signatures are waited for by wait. Between requests
// Cloud Run gives an instance no processor, so a request lasts until its reports are signed: by
// then its work is done, and its services are free for the next message.
func (s *reportSigner) group(ctx context.Context) (grouped context.Context, wait func()) {
	if s == nil {
		return ctx, func() {}
	}
	all := &signatures{}
	return context.WithValue(ctx, signaturesKey{}, all), func() {
		all.mu.Lock()
		all.ended = true
		all.mu.Unlock()
		all.pending.Wait()
	}
}

// start runs a signature, which is waited for where somebody waits.
func start(ctx context.Context, sign func()) {
	all, _ := ctx.Value(signaturesKey{}).(*signatures)
	if all == nil {
		go sign()
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.ended {
		go sign()
		return
	}
	all.pending.Go(sign)
}

// begin signs a report that was published. It does not wait.
func (s *reportSigner) begin(ctx context.Context, r report.Report) {
	if s == nil {
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		s.unsigned(ctx, r, fmt.Errorf("%d signatures are under way: Cloud KMS is too slow", mostSigning))
		return
	}
	sign := func() {
		defer func() { <-s.slots }()
		// Its calls are none of the run's, and go on when the request has ended.
		signing, cancel := timeout.With(context.Background(), s.clock, signPatience, "Cloud KMS")
		defer cancel()
		if err := s.sign(signing, r); err != nil {
			s.unsigned(ctx, r, timeout.Explain(signing, err))
		}
	}
	start(ctx, sign)
}

func (s *reportSigner) sign(ctx context.Context, r report.Report) error {
	event, err := s.with.Sign(ctx, r, s.clock.Now())
	if err != nil {
		return err
	}
	return s.to.SendEvent(ctx, event)
}

func (s *reportSigner) unsigned(ctx context.Context, r report.Report, err error) {
	s.log.WarnContext(context.WithoutCancel(ctx), "report is not signed", "id", r.ID(), "target", r.Subject(), "err", err)
}
