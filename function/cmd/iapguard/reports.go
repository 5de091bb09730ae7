package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// reporting is which reports are asked for, and where they are.
type reporting struct {
	talk                            sending
	from, since, service, run, form string
	outcome, source                 string
	write                           bool
}

func newReportsCommand() *cobra.Command {
	var r reporting
	command := &cobra.Command{
		Use:   "reports [FILE...]",
		Short: "Show what the deployment reported",
		Long: "Reports reads the bucket of evidence of the deployment that the context names, as who is logged in; deploy/terraform " +
			"lets the members of report_readers read it. An object is written about a minute after its reports. Files are read " +
			"instead where they are named (- = standard input): reports of -o, what gcloud pubsub subscriptions pull --format=json " +
			"prints, and rows of the reports table as bq query --format=json prints them.",
		RunE: func(command *cobra.Command, args []string) error {
			return r.show(command.Context(), args, command.OutOrStdout())
		},
	}
	r.talk.add(command)
	flags := command.Flags()
	flags.StringVar(&r.from, "from", "", "bucket of evidence: gs://BUCKET (default: that of the context's deployment)")
	flags.StringVar(&r.since, "since", "2h", "since when: a time, or how long ago; files are shown whole without it")
	flags.StringVar(&r.service, "service", "", "only of this service: its name, or its full name")
	flags.StringVar(&r.run, "run", "", "only of this run")
	flags.StringVar(&r.outcome, "outcome", "", "only with this outcome, like blocked")
	flags.StringVar(&r.form, "format", "text", "text (a line each), json (one report a line), ocsf (a Compliance Finding "+
		"of OCSF 1.2 a line) or scc (a finding of Security Command Center a line)")
	flags.StringVar(&r.source, "source", "", "of the findings of scc: organizations/O/sources/S")
	flags.BoolVar(&r.write, "write", false, "write the findings of scc into Security Command Center instead of printing them")
	return command
}

func (r *reporting) show(ctx context.Context, files []string, out io.Writer) error {
	if err := r.valid(); err != nil {
		return err
	}
	now := time.Now()
	since, err := timeOrAgo("--since", r.since, now)
	if err != nil {
		return err
	}
	var reports []report.Report
	if len(files) > 0 {
		for _, name := range files {
			found, err := reportsIn(name)
			if err != nil {
				return err
			}
			reports = append(reports, found...)
		}
	} else if reports, err = r.evidence(ctx, since, now); err != nil {
		return err
	}
	reports = slices.DeleteFunc(reports, func(one report.Report) bool {
		return len(files) == 0 && one.ObservedAt.Before(since) || !r.wants(one)
	})
	slices.SortStableFunc(reports, func(a, b report.Report) int { return a.ObservedAt.Compare(b.ObservedAt) })
	if r.form == "ocsf" || r.form == "scc" {
		return r.export(ctx, reports, out)
	}
	for _, one := range reports {
		if r.form == "json" {
			if err := json.NewEncoder(out).Encode(one); err != nil {
				return fmt.Errorf("writing a report: %w", err)
			}
			continue
		}
		newScreen(out).print(reportLine(one.Shown()))
	}
	if len(reports) == 0 && r.form == "text" {
		newScreen(out).print(noReportLine(len(files) > 0))
	}
	return nil
}

// wants reports whether a report is asked for.
func (r *reporting) wants(one report.Report) bool {
	name := one.Subject()
	service := r.service == "" || name == r.service || strings.HasSuffix(name, "/services/"+r.service)
	return service && (r.run == "" || one.RunID == r.run) && (r.outcome == "" || string(one.Outcome) == r.outcome)
}

// reportLine is one report in a line: when, what came of it, where, by what, with what.
func reportLine(r report.Report) line {
	shown := line{style: outcomeStyle(r), hang: 4, text: r.Subject(),
		lead: fmt.Sprintf("%s  %-9s  %-7s  ", r.ObservedAt.UTC().Format(time.RFC3339), r.Outcome, exposedWord(r))}
	if r.Command != nil && r.Command.By != "" {
		shown.text += "  by " + r.Command.By
	} else if r.Cause.Kind != "" {
		shown.text += "  " + string(r.Cause.Kind)
	}
	var codes []string
	for _, finding := range r.Findings {
		if !slices.Contains(codes, string(finding.Code)) {
			codes = append(codes, string(finding.Code))
		}
	}
	done := 0
	for _, step := range r.Steps {
		if step.Result == report.StepDone {
			done++
		}
	}
	if done > 0 {
		shown.text += "  " + counted(done, "step") + " done"
	}
	if len(codes) > 0 {
		shown.text += "  " + strings.Join(codes, " ")
	}
	shown.text += "  run " + r.RunID
	return shown
}

func noReportLine(files bool) line {
	if files {
		return textLine("no report fits")
	}
	return textLine("no report fits; a report can be read about a minute after it was made")
}

// exposedWord says in a word whether a door was open.
func exposedWord(r report.Report) string {
	switch r.Exposed {
	case "yes":
		return "OPEN"
	case "no":
		return "shut"
	}
	return "unknown"
}

// readersOfEvidence is how many objects are read side by side.
const readersOfEvidence = 16

// evidence reads the bucket. Objects that are written while it is read are missed.
func (r *reporting) evidence(ctx context.Context, since, now time.Time) ([]report.Report, error) {
	bucket := r.from
	if bucket == "" {
		to, err := r.talk.open(ctx)
		if err != nil {
			return nil, err
		}
		if bucket, err = to.evidence(); err != nil {
			return nil, err
		}
	}
	if !storage.Valid(bucket) {
		return nil, usageError{fmt.Errorf("--from is %q: write gs://BUCKET", bucket)}
	}
	config, err := function.ReadConfig(cliEnvironment())
	if err != nil {
		return nil, usageError{err}
	}
	if r.talk.endpoint != "" {
		config.Connect.Endpoint, config.Connect.Endpoints = r.talk.endpoint, nil
	}
	kept, err := storage.OpenEvidence(ctx, config.Connect, bucket)
	if err != nil {
		return nil, err
	}
	names, err := kept.Objects(ctx, storage.Reports, since, now)
	if err != nil {
		return nil, fmt.Errorf("%w: who reads reports is named by report_readers of deploy/terraform", err)
	}
	parts, problems := make([][]report.Report, len(names)), make([]error, len(names))
	var group errgroup.Group
	group.SetLimit(readersOfEvidence)
	for i, name := range names {
		group.Go(func() error {
			parts[i], problems[i] = readEvidence(ctx, kept, name)
			return nil
		})
	}
	_ = group.Wait() // problems has the errors
	return slices.Concat(parts...), errors.Join(problems...)
}

func readEvidence(ctx context.Context, kept *storage.Evidence, name string) ([]report.Report, error) {
	text, err := kept.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	reports, err := report.ReadAll(bufio.NewReader(text))
	if err != nil {
		err = fmt.Errorf("reading %s: %w", name, err)
	}
	return reports, err
}

// ownNumber finds the project's number in an address of Cloud Run.
// Source: run/docs/managing/services, deterministic URLs.
var ownNumber = regexp.MustCompile(`-(\d{6,})\.[a-z0-9-]+\.run\.app$`)

// evidence is the bucket that deploy/terraform makes for the function of this name.
func (r *recipient) evidence() (string, error) {
	for _, address := range append([]string{r.own}, r.others...) {
		if found := ownNumber.FindStringSubmatch(posture.HostOf(address)); found != nil {
			return fmt.Sprintf("gs://%s-evidence-%s", r.found.target.Service, found[1]), nil
		}
	}
	return "", usageError{fmt.Errorf("the bucket of evidence of %s is not known: write --from gs://BUCKET",
		cmp.Or(r.found.target.Name(), "the deployment"))}
}
