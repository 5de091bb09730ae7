package attest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/iapguard/iapguard/internal/report"
)

// Evidence is what was handed in to be checked: reports and envelopes, in any order.
type Evidence struct {
	reports   []signable
	envelopes []dsse.Envelope
}

// signable is a report with the digests that a statement about it may have: of the bytes that
// were read, and of the form in which it is published, whatever spaces a tool put in.
type signable struct {
	report.Report
	digests []string
	row     bool
}

// Reports is how many reports there are.
func (e *Evidence) Reports() int { return len(e.reports) }

// Read adds the reports and envelopes of a file, in any of the forms that report.ReadAll takes.
func (e *Evidence) Read(from io.Reader) error {
	return report.Each(from, func(one report.Value) error {
		var envelope dsse.Envelope
		if json.Unmarshal(one.JSON, &envelope) == nil && envelope.PayloadType != "" {
			e.envelopes = append(e.envelopes, envelope)
			return nil
		}
		r, err := one.Report()
		if err != nil {
			return err
		}
		read := signable{Report: r, row: one.Row}
		if !one.Row {
			data, err := r.Data()
			if err != nil {
				return err
			}
			read.digests = []string{digestOf(bytes.TrimSpace(one.JSON)), digestOf(data)}
		}
		e.reports = append(e.reports, read)
		return nil
	})
}

// Result is what was found out about one report, or about a signature without one.
type Result string

// The results.
const (
	Good     Result = "good"
	Bad      Result = "bad"
	Unsigned Result = "unsigned"
	Missing  Result = "missing" // a signature is there, and its report is not
)

// Found is what was found out about all that was read.
type Found struct {
	Verdicts []Verdict // one for each report, in the order in which they were read
	Orphans  []Orphan  // the oldest first
}

// Orphan is a good signature of a report that was not read: that was kept back, or lies elsewhere.
type Orphan struct {
	Claim   Claim
	Subject string // the service, as the statement names it
	Key     string // as the envelope names it
}

// Verdict is the result for one report. Claim and Key are there where an envelope is about it
// and its signature is good.
type Verdict struct {
	Report report.Report
	Result Result
	Why    string // of a result that is not good
	Claim  Claim
	Key    string // as the envelope names it
	Copies int    // how often the report was read
}

// Trusted is the public key that signatures are held against.
type Trusted struct {
	PublicKey *ecdsa.PublicKey
	Hash      crypto.Hash
	// Name is the key's name, "" = it is not known: then the name that an envelope has for its
	// key is shown and not compared.
	Name string
}

// verifier is a trusted key as package dsse knows it.
type verifier struct{ Trusted }

// Verify checks a signature.
func (v verifier) Verify(_ context.Context, data, signature []byte) error {
	hash := v.Hash.New()
	hash.Write(data)
	if !ecdsa.VerifyASN1(v.PublicKey, hash.Sum(nil), signature) {
		return errors.New("the signature is not that of the key")
	}
	return nil
}

// KeyID is the key's name.
func (v verifier) KeyID() (string, error) {
	if v.Name == "" {
		return "", errors.New("the key has no name")
	}
	return v.Name, nil
}

// Public is nil: of another key package dsse would make a name where there is none, and hold
// it against that in the envelope.
func (v verifier) Public() crypto.PublicKey { return nil }

// opened is an envelope with what was found out about it.
type opened struct {
	claim  Claim
	name   string // of the subject
	digest string
	key    string
	broken error // nil = its signature is good
}

// open reads an envelope and checks its signature. What a broken one says is kept, to say which
// report it came with.
func open(ctx context.Context, envelope *dsse.Envelope, trusted Trusted) opened {
	var keys []string
	for _, signature := range envelope.Signatures {
		keys = append(keys, signature.KeyID)
	}
	o := opened{key: strings.Join(keys, ", ")}
	text, err := envelope.DecodeB64Payload()
	if err != nil {
		return opened{key: o.key, broken: err}
	}
	var said intoto.Statement
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &said); err != nil {
		return opened{key: o.key, broken: fmt.Errorf("the envelope holds no in-toto statement: %w", err)}
	}
	if err := said.Validate(); err != nil {
		return opened{key: o.key, broken: fmt.Errorf("the envelope holds no in-toto statement: %w", err)}
	}
	o.name, o.digest = said.GetSubject()[0].GetName(), said.GetSubject()[0].GetDigest()["sha256"]
	switch {
	case envelope.PayloadType != PayloadType:
		o.broken = fmt.Errorf("the envelope is of the type %.80q, and one of a report is of %s",
			envelope.PayloadType, PayloadType)
	case said.GetType() != intoto.StatementTypeUri || said.GetPredicateType() != PredicateType ||
		len(said.GetSubject()) != 1:
		o.broken = fmt.Errorf("the statement is a %.80q about %d subjects, and one of a report is a %s about one",
			said.GetPredicateType(), len(said.GetSubject()), PredicateType)
	}
	if o.broken != nil {
		return o
	}
	predicate, err := protojson.Marshal(said.GetPredicate())
	if err == nil {
		err = json.Unmarshal(predicate, &o.claim)
	}
	if err != nil {
		o.broken = fmt.Errorf("the statement cannot be read: %w", err)
		return o
	}
	verifying, err := dsse.NewEnvelopeVerifier(verifier{trusted})
	if err == nil {
		_, err = verifying.Verify(ctx, envelope)
	}
	if err != nil {
		o.broken = fmt.Errorf("the signature, made in the name of %s, is not that of the key that is trusted", o.key)
	}
	return o
}

// Check returns a verdict for each report, and the signatures without a report. The same report
// twice has one verdict, and the same signature twice is one.
func (e *Evidence) Check(ctx context.Context, trusted Trusted) Found {
	all := make([]opened, len(e.envelopes))
	for i := range e.envelopes {
		all[i] = open(ctx, &e.envelopes[i], trusted)
	}
	related := slices.ContainsFunc(e.reports, func(one signable) bool {
		return slices.ContainsFunc(all, one.signedBy)
	})
	var verdicts []Verdict
	seen := map[string]int{} // the place of the verdict, by digest
	for _, one := range e.reports {
		if at, again := seen[one.published()]; again && !one.row {
			verdicts[at].Copies++
			continue
		}
		seen[one.published()] = len(verdicts)
		verdicts = append(verdicts, one.judge(all, related))
	}
	return Found{verdicts, e.orphans(all)}
}

// sight is what an envelope and its report have in common, whatever became of the report's bytes.
type sight struct {
	run     string
	outcome report.Outcome
	at      int64
}

// orphans are the good envelopes that are about none of the reports. Where a report of the same
// look is there with other bytes, its own verdict says so.
func (e *Evidence) orphans(all []opened) []Orphan {
	looks, digests := map[sight]bool{}, map[string]bool{}
	for _, one := range e.reports {
		looks[sight{one.RunID, one.Outcome, one.ObservedAt.UnixMicro()}] = true
		for _, digest := range one.digests {
			digests[digest] = true
		}
	}
	var found []Orphan
	for _, o := range all {
		if o.broken != nil || digests[o.digest] || looks[sight{o.claim.RunID, o.claim.Outcome, o.claim.ObservedAt.UnixMicro()}] {
			continue
		}
		digests[o.digest] = true
		found = append(found, Orphan{o.claim, o.name, o.key})
	}
	slices.SortStableFunc(found, func(a, b Orphan) int { return a.Claim.ObservedAt.Compare(b.Claim.ObservedAt) })
	return found
}

// published is the digest of the report in the form in which it is published, "" of a row.
func (s signable) published() string {
	if s.row {
		return ""
	}
	return s.digests[1]
}

// signedBy reports whether an envelope is about these very bytes.
func (s signable) signedBy(o opened) bool { return slices.Contains(s.digests, o.digest) }

// claimedBy reports whether an envelope is about the report of this look, whatever its bytes.
func (s signable) claimedBy(o opened) bool {
	return o.claim.RunID == s.RunID && o.claim.Outcome == s.Outcome && o.claim.ObservedAt.Equal(s.ObservedAt)
}

// judge finds the verdict. related means that some envelope is about some report that was read.
func (s signable) judge(all []opened, related bool) Verdict {
	v := Verdict{Report: s.Report, Result: Unsigned, Why: "no envelope is about it", Copies: 1}
	if s.row {
		v.Why = "a row of the table has neither all members of a report nor its exact times: " +
			"check the report in the bucket of evidence"
		return v
	}
	for _, o := range all {
		switch {
		case s.signedBy(o) && o.broken == nil:
			return Verdict{Report: s.Report, Result: Good, Claim: o.claim, Key: o.key, Copies: 1}
		case s.signedBy(o):
			v.Result, v.Why = Bad, o.broken.Error()
		case v.Result == Unsigned && s.claimedBy(o):
			v.Result, v.Why = Bad, "its envelope is about other bytes: the report is not the one that was signed"
		}
	}
	if v.Result == Unsigned && len(all) > 0 && !related {
		v.Result, v.Why = Bad, "what came with it is about another report: "+all[0].about()
	}
	return v
}

// about names the report that an envelope is about.
func (o opened) about() string {
	if o.claim.RunID == "" {
		return fmt.Sprint(o.broken)
	}
	return fmt.Sprintf("%s of run %s, of %s", o.claim.Outcome, o.claim.RunID, o.claim.ObservedAt.Format(time.RFC3339))
}
