package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/attest"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/kms"
	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/safetext"
)

// verifying is what the user typed.
type verifying struct {
	key, from, since, format, endpoint string
	connect                            connect.Config
	after, until                       time.Time // what is read of the bucket
}

func newVerifyCommand() *cobra.Command {
	var v verifying
	command := &cobra.Command{
		Use:   "verify [FILE...]",
		Short: "Say whether reports are the ones that the deployment signed",
		Long: "Verify holds reports against the signatures that the deployment published beside them " +
			"(IAPGUARD_SIGNING_KEY). Reports and envelopes are read from files (- = standard input), together and in any " +
			"order: as a subscription's messages hold them, what gcloud pubsub subscriptions pull --format=json prints, or " +
			"lines of the bucket of evidence, which --from reads as who is logged in. A line for each report says good, bad " +
			"or unsigned. Rows of the reports table are unsigned: they have neither all members of a report nor its exact " +
			"times. Of the bucket, a line says missing for each signature whose report is not there. The key that is trusted is " +
			"named by --key, never by an envelope.",
		RunE: func(command *cobra.Command, args []string) error {
			return v.verify(command.Context(), args, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&v.key, "key", "", "the key that is trusted: a PEM file with its public half, or its version in "+
		"Cloud KMS: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N (default: $IAPGUARD_SIGNING_KEY)")
	flags.StringVar(&v.from, "from", "", "read the bucket of evidence: gs://BUCKET")
	flags.StringVar(&v.since, "since", "2h", "since when, of the bucket: a time, or how long ago")
	flags.StringVar(&v.format, "format", "text", "text or json (json: one object a line)")
	flags.StringVar(&v.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	return command
}

func (v *verifying) verify(ctx context.Context, files []string, out io.Writer) error {
	if v.format != "text" && v.format != "json" {
		return usageError{fmt.Errorf("--format is %q: write text or json", v.format)}
	}
	if (len(files) == 0) == (v.from == "") {
		return usageError{errors.New("what is to be verified? Write iapguard verify REPORT ENVELOPE, " +
			"the files with both, or --from gs://BUCKET")}
	}
	trusted, err := v.trusted(ctx)
	if err != nil {
		return err
	}
	var evidence attest.Evidence
	if v.from != "" {
		if err := v.readBucket(ctx, &evidence); err != nil {
			return err
		}
	}
	for _, name := range files {
		if err := addFile(&evidence, name); err != nil {
			return err
		}
	}
	found := evidence.Check(ctx, trusted)
	found.Orphans = v.missed(found.Orphans)
	if len(found.Verdicts) == 0 && (v.from == "" || len(found.Orphans) == 0) {
		return usageError{errors.New("there is no report in what was read, so nothing can be verified")}
	}
	return v.show(found, out)
}

// trusted is the key that signatures are held against. An envelope names its key too, but who
// forges a report forges that as well.
func (v *verifying) trusted(ctx context.Context) (attest.Trusted, error) {
	config, err := function.ReadConfig(cliEnvironment())
	if err != nil {
		return attest.Trusted{}, usageError{err}
	}
	if v.connect = config.Connect; v.endpoint != "" {
		v.connect.Endpoint, v.connect.Endpoints = v.endpoint, nil
	}
	name := cmp.Or(v.key, config.SigningKey)
	if name == "" {
		return attest.Trusted{}, usageError{errors.New("no key is trusted: write --key FILE.pem, the public half of the " +
			"deployment's key, or --key with its version in Cloud KMS")}
	}
	if !kms.Valid(name) {
		text, err := os.ReadFile(name)
		if err != nil {
			return attest.Trusted{}, usageError{
				fmt.Errorf("reading --key: %w; it is the version of no key of Cloud KMS either", err)}
		}
		public, err := kms.ParsePublic(text)
		if err != nil {
			return attest.Trusted{}, usageError{fmt.Errorf("reading --key %s: %w", name, err)}
		}
		return attest.Trusted{PublicKey: public, Hash: kms.HashOf(public)}, nil
	}
	key, err := kms.Open(ctx, v.connect, name)
	if err != nil {
		return attest.Trusted{}, err
	}
	public, err := key.Public(ctx)
	if err != nil {
		return attest.Trusted{}, err
	}
	return attest.Trusted{PublicKey: public, Hash: kms.HashOf(public), Name: name}, nil
}

// addFile adds what is in a file, "-" = standard input.
func addFile(evidence *attest.Evidence, name string) error {
	file := os.Stdin
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return usageError{fmt.Errorf("reading evidence: %w", err)}
		}
		defer file.Close()
	}
	if err := evidence.Read(bufio.NewReader(file)); err != nil {
		return usageError{fmt.Errorf("reading evidence %s: %w", name, err)}
	}
	return nil
}

// lateSignatures is how much later than its report a signature may come into the bucket, or
// earlier: a report and its signature lie in objects of their own.
const lateSignatures = 10 * time.Minute

// missed are the signatures whose report should be in what was read: of the bucket, those of the
// time that was asked for, but for the last minutes.
func (v *verifying) missed(orphans []attest.Orphan) []attest.Orphan {
	if v.from == "" {
		return orphans
	}
	return slices.DeleteFunc(orphans, func(one attest.Orphan) bool {
		return one.Claim.ObservedAt.Before(v.after) || one.Claim.SignedAt.After(v.until.Add(-lateSignatures))
	})
}

// readBucket adds what is in the bucket of evidence. The first reports may be older than the
// first signatures, so signatures are read from a little earlier on.
func (v *verifying) readBucket(ctx context.Context, evidence *attest.Evidence) error {
	if !storage.Valid(v.from) {
		return usageError{fmt.Errorf("--from is %q: write gs://BUCKET", v.from)}
	}
	now := time.Now()
	since, err := timeOrAgo("--since", v.since, now)
	if err != nil {
		return err
	}
	v.after, v.until = since, now
	bucket, err := storage.OpenEvidence(ctx, v.connect, v.from)
	if err != nil {
		return err
	}
	folders := map[string]time.Time{storage.Reports: since, storage.Signatures: since.Add(-lateSignatures)}
	for folder, from := range folders {
		names, err := bucket.Objects(ctx, folder, from, now)
		if err != nil {
			return fmt.Errorf("%w: who reads reports is named by report_readers of deploy/terraform", err)
		}
		for _, name := range names {
			if err := addObject(ctx, evidence, bucket, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func addObject(ctx context.Context, evidence *attest.Evidence, bucket *storage.Evidence, name string) error {
	text, err := bucket.Read(ctx, name)
	if err != nil {
		return err
	}
	defer text.Close()
	if err := evidence.Read(bufio.NewReader(text)); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

// verified is a verdict in the form of --format json.
type verified struct {
	Result  attest.Result `json:"result"`
	Why     string        `json:"why,omitempty"`
	ID      string        `json:"id"`
	Service string        `json:"service,omitempty"`
	Outcome string        `json:"outcome"`
	RunID   string        `json:"runId"`
	At      time.Time     `json:"observedAt"`
	Copies  int           `json:"copies"`
	// Signed is what the signature says; nil = there is no good one.
	Signed *attest.Claim `json:"signed,omitempty"`
	Key    string        `json:"key,omitempty"`
}

// show prints the verdicts, and ends with the status of the worst.
func (v *verifying) show(found attest.Found, out io.Writer) error {
	counts := map[attest.Result]int{}
	for _, one := range found.Verdicts {
		counts[one.Result]++
		if v.format == "text" {
			newScreen(out).print(verdictLines(one)...)
			continue
		}
		r := one.Report
		shown := verified{Result: one.Result, Why: one.Why, ID: r.ID(), Service: r.Subject(), Outcome: string(r.Outcome),
			RunID: r.RunID, At: r.ObservedAt, Copies: one.Copies, Key: one.Key}
		if one.Result == attest.Good {
			shown.Signed = &one.Claim
		}
		if err := json.NewEncoder(out).Encode(shown); err != nil {
			return fmt.Errorf("writing a verdict: %w", err)
		}
	}
	if err := v.showMissing(found.Orphans, out); err != nil {
		return err
	}
	switch {
	case counts[attest.Bad] > 0:
		return fmt.Errorf("%d of %s not what was signed", counts[attest.Bad], counted(len(found.Verdicts), "report"))
	case counts[attest.Unsigned] > 0, v.from != "" && len(found.Orphans) > 0:
		return statusError(exitPending)
	}
	return nil
}

// showMissing prints the signatures whose report is missing. The bucket should have both, so each
// is listed; of files, which the user chose, their number is enough.
func (v *verifying) showMissing(orphans []attest.Orphan, out io.Writer) error {
	if v.from == "" {
		if len(orphans) > 0 && v.format == "text" {
			newScreen(out).print(line{text: counted(len(orphans), "signature") + " about reports that were not read"})
		}
		return nil
	}
	const why = "it was signed, and is not in the bucket of evidence: somebody kept it back, or its delivery failed " +
		"(see the dead letters)"
	for _, one := range orphans {
		claim := one.Claim
		if v.format == "text" {
			newScreen(out).print(line{style: red, hang: 4, lead: fmt.Sprintf("%-8s  ", attest.Missing),
				text: safetext.Escape(fmt.Sprintf("%s  %s  %s  run %s", claim.ObservedAt.UTC().Format(time.RFC3339),
					claim.Outcome, one.Subject, claim.RunID), 500)}, line{lead: "    ", text: why, hang: 4})
			continue
		}
		shown := verified{Result: attest.Missing, Why: why, ID: claim.ID, Service: one.Subject, Outcome: string(claim.Outcome),
			RunID: claim.RunID, At: claim.ObservedAt, Signed: &claim, Key: one.Key}
		if err := json.NewEncoder(out).Encode(shown); err != nil {
			return fmt.Errorf("writing a signature without its report: %w", err)
		}
	}
	return nil
}

// verdictLines are a verdict for a person: the report, and who signed it or what is wrong.
func verdictLines(one attest.Verdict) []line {
	styles := map[attest.Result]style{attest.Good: green, attest.Bad: red, attest.Unsigned: yellow}
	r := one.Report.Shown()
	shown := line{style: styles[one.Result], hang: 4, lead: fmt.Sprintf("%-8s  ", one.Result),
		text: fmt.Sprintf("%s  %s  %s  run %s", r.ObservedAt.UTC().Format(time.RFC3339), r.Outcome,
			cmp.Or(r.Subject(), "no service"), r.RunID)}
	if one.Copies > 1 {
		shown.text += fmt.Sprintf("  (read %d times)", one.Copies)
	}
	if one.Result != attest.Good {
		return []line{shown, {lead: "    ", text: one.Why, hang: 4}}
	}
	return []line{shown, {lead: "    signed by ", hang: 4, text: fmt.Sprintf("%s at %s with %s",
		cmp.Or(one.Claim.Signer, "an unknown account"), one.Claim.SignedAt.UTC().Format(time.RFC3339), one.Key)}}
}
