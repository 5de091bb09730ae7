package attest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/report"
)

var (
	looked = time.Date(2026, 11, 30, 9, 0, 0, 123456789, time.UTC)
	signed = looked.Add(2 * time.Second)
)

const (
	keyName = "projects/p-guard/locations/europe-west1/keyRings/iapguard/cryptoKeys/reports/cryptoKeyVersions/1"
	signer  = "iapguard@p-guard.iam.gserviceaccount.com"
)

// key signs as Cloud KMS does with EC_SIGN_P256_SHA256.
type key struct {
	*ecdsa.PrivateKey
	name string
}

func newKey(t *testing.T, name string) key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{private, name}
}

func (k key) Name() string { return k.name }

func (k key) Sign(_ context.Context, data []byte) ([]byte, error) {
	digest := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, k.PrivateKey, digest[:])
}

func (k key) trusted() Trusted { return Trusted{&k.PublicKey, crypto.SHA256, k.name} }

// look is a report of a look at a service.
func look(service string) report.Report {
	return report.Report{RunID: "run-" + service, ObservedAt: looked, Version: "0.1.0", Outcome: report.Compliant,
		Mode: policy.Enforce, Exposed: door.No, Policy: &report.Policy{Digest: "none", Rule: "default"},
		Target: &report.Target{Project: "p-shop", Location: "us-central1", Service: service},
		Cause:  report.Cause{Kind: "command", Key: "k"}, Advice: []string{"a < b & c"}}
}

// published is the data of a report's message.
func published(t *testing.T, r report.Report) string {
	t.Helper()
	data, err := r.Data()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// envelope is the data of the message that carries the signature.
func envelope(t *testing.T, k key, r report.Report) string {
	t.Helper()
	event, err := Signer{k, signer}.Sign(t.Context(), r, signed)
	if err != nil {
		t.Fatal(err)
	}
	if event.ID() != r.ID() || event.Type() != EventType || event.Subject() != r.Subject() {
		t.Errorf("the event is %s", event)
	}
	return string(event.Data())
}

func check(t *testing.T, trusted Trusted, parts ...string) []Verdict {
	t.Helper()
	return found(t, trusted, parts...).Verdicts
}

func found(t *testing.T, trusted Trusted, parts ...string) Found {
	t.Helper()
	var e Evidence
	for _, part := range parts {
		if err := e.Read(strings.NewReader(part)); err != nil {
			t.Fatalf("%v in %s", err, part)
		}
	}
	return e.Check(t.Context(), trusted)
}

// pulled is a message as gcloud pubsub subscriptions pull --format=json prints it.
func pulled(t *testing.T, data string) string {
	t.Helper()
	text, err := json.Marshal([]any{map[string]any{"ackId": "a", "message": map[string]any{"data": []byte(data)}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func indented(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	text2, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text2)
}

func TestASignedReportIsGoodInEveryShape(t *testing.T) {
	k := newKey(t, keyName)
	r := look("shop")
	data, beside := published(t, r), envelope(t, k, r)
	unnamed := k.trusted()
	unnamed.Name = ""
	for name, tc := range map[string]struct {
		trusted Trusted
		parts   []string
	}{
		"lines":                     {k.trusted(), []string{data + "\n" + beside + "\n"}},
		"two files, envelope first": {k.trusted(), []string{beside, data}},
		"pulled":                    {k.trusted(), []string{pulled(t, data), pulled(t, beside)}},
		"indented by a tool":        {k.trusted(), []string{indented(t, data), indented(t, beside)}},
		"an event":                  {k.trusted(), []string{`{"specversion":"1.0","id":"1","data":` + data + `}`, beside}},
		"a key without a name":      {unnamed, []string{data, beside}},
	} {
		verdicts := check(t, tc.trusted, tc.parts...)
		if len(verdicts) != 1 || verdicts[0].Result != Good {
			t.Errorf("%s: %+v", name, verdicts)
			continue
		}
		got := verdicts[0]
		if got.Key != keyName || got.Claim.Signer != signer || !got.Claim.SignedAt.Equal(signed) || got.Claim.ID != r.ID() ||
			got.Claim.RunID != r.RunID || got.Claim.Outcome != r.Outcome {
			t.Errorf("%s: the claim is %+v by %s", name, got.Claim, got.Key)
		}
	}
}

func TestWhatWasNotSignedSoIsNotGood(t *testing.T) {
	k, other := newKey(t, keyName), newKey(t, keyName)
	elsewhere := newKey(t, strings.Replace(keyName, "p-guard", "p-evil", 1))
	shop, cart := look("shop"), look("cart")
	later := shop // the same state, seen an hour later: its event has the same id
	later.RunID, later.ObservedAt = "run-later", looked.Add(time.Hour)
	data, beside := published(t, shop), envelope(t, k, shop)
	tampered := strings.Replace(data, `"compliant"`, `"exempt"`, 1)
	hidden := strings.Replace(data, "a \\u003c b", "nothing", 1)
	if tampered == data || hidden == data {
		t.Fatal("nothing was tampered with")
	}
	noSignature := strings.Replace(beside, `"signatures":[`, `"signatures":[],"was":[`, 1)
	row := `{"subscription_name":"s","message_id":"1","publish_time":"2026-11-30 09:00:01",` + data[1:]
	for name, tc := range map[string]struct {
		parts []string
		want  Result
		why   string
	}{
		"no envelope":                {[]string{data}, Unsigned, "no envelope"},
		"another outcome":            {[]string{tampered, beside}, Bad, "about another report"},
		"another advice":             {[]string{hidden, beside}, Bad, "other bytes"},
		"another key of that name":   {[]string{data, envelope(t, other, shop)}, Bad, "is not that of the key that is trusted"},
		"another key":                {[]string{data, envelope(t, elsewhere, shop)}, Bad, "p-evil"},
		"another report's envelope":  {[]string{data, envelope(t, k, cart)}, Bad, "run run-cart"},
		"an old envelope again":      {[]string{published(t, later), beside}, Bad, "run run-shop"},
		"an envelope without a mark": {[]string{data, noSignature}, Bad, "not that of the key"},
		"an envelope of other things": {[]string{data, `{"payloadType":"text/plain","payload":"YQ==","signatures":[]}`},
			Bad, "no in-toto statement"},
		"a row of the table": {[]string{row, beside}, Unsigned, "bucket of evidence"},
	} {
		verdicts := check(t, k.trusted(), tc.parts...)
		if len(verdicts) != 1 || verdicts[0].Result != tc.want || !strings.Contains(verdicts[0].Why, tc.why) {
			t.Errorf("%s: %+v, want %s because of %q", name, verdicts, tc.want, tc.why)
		}
	}
}

// A replayed report is the same report: it counts once, however often it was handed in.
func TestAReplayedReportCountsOnce(t *testing.T) {
	k := newKey(t, keyName)
	shop, cart := look("shop"), look("cart")
	data, beside := published(t, shop), envelope(t, k, shop)
	verdicts := check(t, k.trusted(), data, beside, published(t, cart), data, beside)
	if len(verdicts) != 2 || verdicts[0].Copies != 2 || verdicts[0].Result != Good || verdicts[1].Result != Unsigned {
		t.Errorf("%+v", verdicts)
	}
}

// A good signature shows that there was a report. Who keeps the report back does not get rid of it.
func TestASignatureWithoutItsReportIsListed(t *testing.T) {
	k, other := newKey(t, keyName), newKey(t, keyName)
	shop, cart, till := look("shop"), look("cart"), look("till")
	till.ObservedAt = looked.Add(-time.Minute)
	changed := strings.Replace(published(t, cart), "a \\u003c b", "nothing", 1)
	got := found(t, k.trusted(), published(t, shop), envelope(t, k, shop), envelope(t, k, cart), envelope(t, k, till),
		envelope(t, k, cart), envelope(t, other, look("forged")))
	var names []string
	for _, one := range got.Orphans {
		names = append(names, one.Claim.RunID+" "+one.Subject)
	}
	want := []string{"run-till " + till.Subject(), "run-cart " + cart.Subject()}
	if diff := cmp.Diff(want, names); diff != "" || len(got.Verdicts) != 1 || got.Verdicts[0].Result != Good {
		t.Errorf("signatures without reports (-want +got):\n%s%+v", diff, got.Verdicts)
	}
	if got := found(t, k.trusted(), changed, envelope(t, k, cart)); len(got.Orphans) > 0 || got.Verdicts[0].Result != Bad {
		t.Errorf("a report that was changed counts twice: %+v", got)
	}
}

func TestNoEnvelopeIsMadeWhereTheKeyRefuses(t *testing.T) {
	refused := errors.New("cloudkms.cryptoKeyVersions.useToSign is missing")
	_, err := Signer{refusing{refused}, signer}.Sign(t.Context(), look("shop"), signed)
	if !errors.Is(err, refused) {
		t.Errorf("signing: %v", err)
	}
}

type refusing struct{ err error }

func (refusing) Name() string { return keyName }

func (r refusing) Sign(context.Context, []byte) ([]byte, error) { return nil, r.err }
