// Package attest makes and checks the signed evidence of a report: an in-toto Statement (v1) in
// a DSSE envelope. The statement names the report by the SHA-256 of its data, as it was
// published, so the report itself stays what it is, and the envelope travels beside it as a
// message of its own. It could not travel within: an attribute of a Pub/Sub message ends at 1024
// bytes (pubsub/quotas), which the names of a key and of a service can fill, and the objects of
// the bucket of evidence hold a message's data and no attributes.
package attest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/iapguard/iapguard/internal/report"
)

const (
	// PayloadType is the type of what an envelope signs. Source: in-toto's attestation
	// framework, spec/v1/envelope.md.
	PayloadType = "application/vnd.in-toto+json"
	// PredicateType says what a statement of ours holds beside the digest.
	PredicateType = "https://iapguard.dev/attestations/report/v1"
	// EventType is the type of an event that carries an envelope.
	EventType = "dev.iapguard.attestation.v1"
	// contentType is the type of an envelope. Source: secure-systems-lab/dsse, envelope.md.
	contentType = "application/vnd.dsse.envelope.v1+json"
)

// Claim is what a statement says about a report. Signer and SignedAt are the signer's own words.
type Claim struct {
	ID         string         `json:"id"` // of the report's event
	RunID      string         `json:"runId"`
	Outcome    report.Outcome `json:"outcome"`
	ObservedAt time.Time      `json:"observedAt"`
	Version    string         `json:"version"`  // of iapguard
	Signer     string         `json:"signer"`   // the account that asked for the signature
	SignedAt   time.Time      `json:"signedAt"` // by the signer's clock
}

// Key signs.
type Key interface {
	Name() string
	Sign(ctx context.Context, data []byte) ([]byte, error)
}

// named is a key as package dsse knows it.
type named struct{ Key }

// KeyID is the key's name.
func (n named) KeyID() (string, error) { return n.Name(), nil }

// Signer signs reports.
type Signer struct {
	Key     Key
	Account string // that asks for signatures
}

// Sign signs a report, and returns the event that carries the envelope. at is now.
func (s Signer) Sign(ctx context.Context, r report.Report, at time.Time) (cloudevents.Event, error) {
	event := cloudevents.NewEvent()
	about, err := r.Event("unknown") // a report without a target is named by its id alone
	if err != nil {
		return event, err
	}
	payload, err := statement(r, about.Data(), Claim{ID: about.ID(), RunID: r.RunID, Outcome: r.Outcome,
		ObservedAt: r.ObservedAt.UTC().Truncate(time.Microsecond), Version: r.Version, Signer: s.Account, SignedAt: at.UTC()})
	if err != nil {
		return event, err
	}
	signing, err := dsse.NewEnvelopeSigner(named{s.Key})
	if err != nil {
		return event, fmt.Errorf("signing a report: %w", err)
	}
	envelope, err := signing.SignPayload(ctx, PayloadType, payload)
	if err != nil {
		return event, err
	}
	data, err := json.Marshal(envelope)
	if err != nil {
		return event, fmt.Errorf("encoding an envelope: %w", err)
	}
	event.SetID(about.ID())
	event.SetType(EventType)
	event.SetTime(at)
	event.SetSource(about.Source())
	if about.Subject() != "" {
		event.SetSubject(about.Subject())
	}
	if err := event.SetData(contentType, data); err != nil {
		return event, fmt.Errorf("encoding an envelope: %w", err)
	}
	return event, nil
}

// statement is what is signed.
func statement(r report.Report, data []byte, claim Claim) ([]byte, error) {
	predicate := &structpb.Struct{}
	text, err := json.Marshal(claim)
	if err == nil {
		err = protojson.Unmarshal(text, predicate)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding a statement: %w", err)
	}
	name := r.Subject()
	if name == "" {
		name = "a message that names no service"
	}
	made := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: PredicateType, Predicate: predicate,
		Subject: []*intoto.ResourceDescriptor{{Name: name, Digest: map[string]string{"sha256": digestOf(data)}}}}
	if err := made.Validate(); err != nil {
		return nil, fmt.Errorf("making a statement: %w", err)
	}
	if text, err = protojson.Marshal(made); err != nil {
		return nil, fmt.Errorf("encoding a statement: %w", err)
	}
	var compact bytes.Buffer // protojson puts spaces in at random
	if err := json.Compact(&compact, text); err != nil {
		return nil, fmt.Errorf("encoding a statement: %w", err)
	}
	return compact.Bytes(), nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
