package function

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/iapguard/iapguard/internal/attest"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/kms"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest"
)

const (
	signaturesTopic = "projects/demo-project/topics/iapguard-signatures"
	signingRing     = "/v1/projects/demo-project/locations/us-central1/keyRings"
	signingKey      = "projects/demo-project/locations/us-central1/keyRings/guard/cryptoKeys/reports/cryptoKeyVersions/1"
	// kept are the subscriptions that keep what is published.
	keptReports    = "projects/demo-project/subscriptions/kept-reports"
	keptSignatures = "projects/demo-project/subscriptions/kept-signatures"
)

// signingLog is a log that the test reads.
type signingLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *signingLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *signingLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// signingBench is a function that signs its reports, and keeps all that it publishes.
func signingBench(t *testing.T, allowed bool) (*Function, *cloudtest.Env, *signingLog) {
	t.Helper()
	setup := benchConfig(t, cloudtest.Policy())
	e := setup.cloud
	owner := func(path string, body map[string]any) { e.CallAs(e.Owner(), http.MethodPost, path, body) }
	owner(signingRing+"?keyRingId=guard", map[string]any{})
	owner(signingRing+"/guard/cryptoKeys?cryptoKeyId=reports", map[string]any{"purpose": "ASYMMETRIC_SIGN",
		"versionTemplate": map[string]any{"algorithm": "EC_SIGN_P256_SHA256"}})
	if allowed {
		binding := map[string]any{"role": "roles/cloudkms.signerVerifier",
			"members": []string{"serviceAccount:" + playground.FunctionAccount}}
		owner(signingRing+"/guard/cryptoKeys/reports:setIamPolicy",
			map[string]any{"policy": map[string]any{"bindings": []any{binding}}})
	}
	if err := e.Broker.CreateTopic(t.Context(), signaturesTopic); err != nil {
		t.Fatal(err)
	}
	keep := map[string]string{keptReports: playground.ReportsTopic, keptSignatures: signaturesTopic}
	for subscription, topic := range keep {
		if err := e.Broker.Subscribe(t.Context(), subscription, topic); err != nil {
			t.Fatal(err)
		}
	}
	setup.config.PubSubHost, setup.config.ReportsTopic = e.Broker.Address(), playground.ReportsTopic
	setup.config.SigningKey, setup.config.SignaturesTopic = signingKey, signaturesTopic
	log := &signingLog{}
	f, err := New(t.Context(), setup.config, slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, e, log
}

// pull takes what a subscription keeps.
func pull(t *testing.T, e *cloudtest.Env, subscription string) (data []string) {
	t.Helper()
	//lint:ignore SA1019 every message was published before, so there is nothing to wait for
	request := &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 100, ReturnImmediately: true}
	answer, err := e.Broker.Client().SubscriptionAdminClient.Pull(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range answer.GetReceivedMessages() {
		data = append(data, string(one.GetMessage().GetData()))
	}
	return data
}

// checked are the verdicts on what was published.
func checkedBy(t *testing.T, e *cloudtest.Env, data ...[]string) []attest.Verdict {
	t.Helper()
	key, err := kms.Open(t.Context(), connect.Config{Endpoint: e.URL()}, signingKey)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all attest.Evidence
	for _, part := range data {
		for _, one := range part {
			if err := all.Read(strings.NewReader(one)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all.Check(t.Context(), attest.Trusted{PublicKey: public, Hash: kms.HashOf(public), Name: signingKey}).Verdicts
}

// apply asks for the whole recipe at hello, and returns the outcomes that were published.
func applied(t *testing.T, f *Function, e *cloudtest.Env) (data []string) {
	t.Helper()
	b := &bench{f, e, nil}
	if status := b.command("apply", "1", hello.Name()); status != http.StatusNoContent {
		t.Fatalf("the command is answered %d", status)
	}
	return pull(t, e, keptReports)
}

func TestEveryReportIsSignedBesideThePublishedOne(t *testing.T) {
	f, e, log := signingBench(t, true)
	data := applied(t, f, e)
	verdicts := checkedBy(t, e, data, pull(t, e, keptSignatures))
	if len(data) < 2 || len(verdicts) != len(data) {
		t.Fatalf("%d verdicts on %d reports", len(verdicts), len(data))
	}
	for _, v := range verdicts {
		if v.Result != attest.Good || v.Claim.Signer != playground.FunctionAccount || v.Key != signingKey {
			t.Errorf("%s: %s, %s, claimed by %s", v.Report.Outcome, v.Result, v.Why, v.Claim.Signer)
		}
	}
	if last := verdicts[len(verdicts)-1].Report; last.Outcome != report.Protected {
		t.Errorf("the last outcome is %s", last.Outcome)
	}
	if strings.Contains(log.String(), "not signed") {
		t.Error(log)
	}
	if problems := f.NotReady(t.Context()); len(problems) > 0 {
		t.Errorf("not ready: %q", problems)
	}
}

func TestARefusedSignatureStopsNothing(t *testing.T) {
	f, e, log := signingBench(t, false)
	data := applied(t, f, e)
	verdicts := checkedBy(t, e, data, pull(t, e, keptSignatures))
	for _, v := range verdicts {
		if v.Result != attest.Unsigned {
			t.Errorf("%s is %s", v.Report.Outcome, v.Result)
		}
	}
	if last := verdicts[len(verdicts)-1].Report; last.Outcome != report.Protected {
		t.Errorf("the last outcome is %s", last.Outcome)
	}
	got := strings.Count(log.String(), "report is not signed")
	if got != len(data) || !strings.Contains(log.String(), "viewPublicKey") {
		t.Errorf("%d lines about %d reports, want the permission in them: %s", got, len(data), log)
	}
	if problems := strings.Join(f.NotReady(t.Context()), "\n"); !strings.Contains(problems, "viewPublicKey") {
		t.Errorf("it is ready, but for %q", problems)
	}
}

// Cloud KMS does not answer. The service is protected meanwhile; only the request lasts longer.
func TestASlowKeyDelaysNoStep(t *testing.T) {
	f, e, log := signingBench(t, true)
	e.SetFaults(`[{"method": "cloudkms.*", "action": "slow", "delay": "1h"}]`)
	answered := make(chan []string, 1)
	go func() { answered <- applied(t, f, e) }()
	ctx, cancel := context.WithTimeout(t.Context(), cloudtest.Patience)
	defer cancel()
	for !strings.Contains(log.String(), `"outcome":"protected"`) {
		if ctx.Err() != nil {
			t.Fatalf("it is not protected: %s", log)
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case <-answered:
		t.Error("the request ended before its signatures")
	default:
	}
	if strings.Contains(log.String(), "not signed") {
		t.Errorf("a signature was given up before its time: %s", log)
	}
	e.Later(signPatience)
	data := <-answered
	if got := strings.Count(log.String(), "Cloud KMS did not answer within 3s"); got != len(data) {
		t.Errorf("%d lines about %d reports: %s", got, len(data), log)
	}
}

func TestSignaturesThatPileUpAreLeftOut(t *testing.T) {
	var log signingLog
	s := &reportSigner{log: slog.New(slog.NewJSONHandler(&log, nil)), slots: make(chan struct{})} // no slot is free
	ctx, wait := s.group(t.Context())
	s.begin(ctx, report.Report{Outcome: report.Rejected})
	wait()
	if !strings.Contains(log.String(), "too slow") {
		t.Errorf("the log: %s", &log)
	}
}

func TestASignatureNeedsAKeyAndATopic(t *testing.T) {
	key, topic := "IAPGUARD_SIGNING_KEY="+signingKey, "IAPGUARD_SIGNATURES_TOPIC="+signaturesTopic
	for _, tc := range []struct {
		environ []string
		says    string
	}{
		{[]string{key, topic}, ""},
		{[]string{key}, ""}, // enough for commands
		{[]string{topic}, "set both or neither"},
		{[]string{strings.TrimSuffix(key, "/cryptoKeyVersions/1"), topic}, "cryptoKeyVersions/NUMBER"},
		{[]string{key, "IAPGUARD_SIGNATURES_TOPIC=signatures"}, "projects/PROJECT/topics/TOPIC"},
	} {
		_, err := ReadConfig(append(os.Environ(), tc.environ...))
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %v, want %q", tc.environ, err, tc.says)
		}
	}
	setup := benchConfig(t, "")
	setup.config.SigningKey = signingKey
	if _, err := New(t.Context(), setup.config, slog.New(slog.DiscardHandler)); !errors.Is(err, errSigning) {
		t.Errorf("a function that signs and has no topic for it: %v", err)
	}
}
