package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/door"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// auditOptions are the flags of audit that decide what it prints.
type auditOptions struct {
	options
	compare   string // an earlier audit, "" = none
	inventory string // auto or off
	resume    string // the file that keeps what was read, "" = none does
	shown     auditShown
}

func newAuditCommand() *cobra.Command {
	var o auditOptions
	var exitCode bool
	command := &cobra.Command{
		Use:   "audit TARGET...",
		Short: "Show what is open, and every door to these services and who guards it; nothing is written",
		Long: "Audit begins with how many services are open, and what is new with --compare. Of few services it shows every door, " +
			"of more what needs a person, the worst last; --wide shows every door of all. --only, --team and --sort choose and " +
			"order what is shown, in every format; the totals are of all. With --format html, or a FILE.html for -o, it makes a " +
			"document with a drawing of each service, which a browser shows and prints.",
		Args: wantPlaces,
		RunE: func(command *cobra.Command, args []string) error {
			open, err := o.auditAll(command.Context(), args, command.OutOrStdout())
			if failed := statusError(exitFailed); exitCode && (err == nil && open || errors.Is(err, failed)) {
				return statusError(exitPending) // what was not read may be open
			}
			return err
		},
	}
	o.add(command)
	o.formats, o.out = []string{"ndjson", "csv", "md", "html"}, nil // the text names the context itself
	command.Flags().Lookup("output").Usage = "write the audit to this file too: as HTML if its name ends in .html, else as JSON, " +
		"which --compare reads"
	command.Flags().Lookup("format").Usage = "text, json (one object), ndjson (an object for each service as soon as it is known, " +
		"and one with the totals at the end), csv (a line for each service), md (for a pull request) or html (a document to show and " +
		"print, in one file)"
	o.shown.add(command)
	command.Flags().StringVar(&o.compare, "compare", "",
		"an earlier audit as JSON: show which unguarded doors are new, fixed, unchanged")
	command.Flags().StringVar(&o.inventory, "inventory", inventoryOff,
		"auto takes IAM policies from Cloud Asset Inventory where it may be read and the audit log knows of no later "+
			"write, and says as of when; off reads each from the API that owns it")
	command.Flags().StringVar(&o.resume, "resume", "",
		"keep what was read in this file until everything is, and begin with what an earlier run kept there, for an hour")
	command.Flags().BoolVar(&exitCode, "exit-code", false, "exit with 3 when a door is unguarded, or may be")
	return command
}

// audit is what one look at many services found. deploy/audit.schema.json describes its JSON.
type audit struct {
	ObservedAt time.Time `json:"observedAt"`
	Version    string    `json:"version"`           // of iapguard
	Scope      []string  `json:"scope"`             // what was asked for
	Context    string    `json:"context,omitempty"` // the deployment whose policy counts; "" = none was named
	Policy     string    `json:"policy"`            // its digest, "none" without one
	Holds      int       `json:"holds,omitempty"`   // of the deployment, in force
	// HoldsUnread is why others may be in force; "" = they are all.
	HoldsUnread string `json:"holdsUnread,omitempty"`
	// Principal is who looked, as far as that is known.
	Principal  string      `json:"principal,omitempty"`
	Services   []audited   `json:"services"`
	Totals     totals      `json:"totals"`
	Comparison *comparison `json:"comparison,omitempty"`
}

// audited is one service. Error says why nothing could be read of it; then it may be
// a project or location that could not be listed as a whole.
type audited struct {
	Service string         `json:"service"`
	Outcome report.Outcome `json:"outcome,omitempty"` // what plan would say
	Rule    string         `json:"rule,omitempty"`    // that covers it
	Mode    policy.Mode    `json:"mode,omitempty"`
	// Team is what the service's own label says: anybody who deploys it writes that.
	Team    string         `json:"team,omitempty"`
	Exposed door.Knowledge `json:"exposed"`
	// ExposedSince is since when a door is open, as far as the deployment's memory was read.
	ExposedSince     *time.Time        `json:"exposedSince,omitempty"`
	Exemption        *report.Exemption `json:"exemption,omitempty"`
	Advice           []string          `json:"advice,omitempty"`   // what a person can do
	Accepted         bool              `json:"accepted,omitempty"` // the policy accepts that it is unknown
	Doors            []report.Door     `json:"doors,omitempty"`
	Accessors        []report.Named    `json:"accessors,omitempty"` // at doors guarded by IAP
	AccessorsLeftOff int               `json:"accessorsLeftOff,omitempty"`
	AccessorsAtLeast bool              `json:"accessorsAtLeast,omitempty"` // others may get in too
	Invokers         []report.Named    `json:"invokers,omitempty"`         // at doors guarded by IAM alone
	InvokersLeftOff  int               `json:"invokersLeftOff,omitempty"`
	InvokersAtLeast  bool              `json:"invokersAtLeast,omitempty"`
	Findings         []report.Finding  `json:"findings,omitempty"`
	Steps            []report.Step     `json:"steps,omitempty"`   // that would be taken
	Callers          []report.Caller   `json:"callers,omitempty"` // where protecting the service could shut somebody out
	Unread           []report.Unread   `json:"unread,omitempty"`  // what could not be read of it
	Error            string            `json:"error,omitempty"`
	AsOf             *asOf             `json:"asOf,omitempty"` // nil = as of the audit
}

// auditAll prints the audit; open says whether any door is unguarded, or may be without
// that being accepted.
func (o *auditOptions) auditAll(ctx context.Context, args []string, out io.Writer) (open bool, err error) {
	places, err := parsePlaces(args)
	if err != nil {
		return false, err
	}
	var earlier *audit
	if o.compare != "" {
		if earlier, err = readAudit(o.compare); err != nil {
			return false, err
		}
	}
	if err := o.shown.check(); err != nil {
		return false, err
	}
	if o.inventory != inventoryAuto && o.inventory != inventoryOff {
		return false, usageError{fmt.Errorf("--inventory is %q: write auto or off", o.inventory)}
	}
	var kept *outputFile
	if o.output != "" { // before the work
		if kept, err = createOutput(o.output); err != nil {
			return false, err
		}
		defer kept.abandon()
	}
	session, err := o.open(ctx, nil)
	if err != nil {
		return false, err
	}
	found := audit{ObservedAt: time.Now().UTC(), Version: function.Version, Scope: args, Policy: session.digest,
		Context: session.context, Holds: session.held, HoldsUnread: session.unheld, Principal: session.principal}
	resumed, err := o.openKept(session, found)
	if err != nil {
		return false, err
	}
	whole := false
	defer func() {
		if failed := resumed.end(whole); err == nil {
			err = failed
		}
	}()
	stream := o.shown.stream(o.format, out)
	add := func(row audited) {
		stream(row)
		if o.format == "ndjson" && kept == nil && earlier == nil {
			row = row.counted() // an organization has many
		}
		found.Services = append(found.Services, row)
	}
	options := surveyOptions{command: "audit", inventory: o.inventory == inventoryAuto, kept: func(target posture.Target) bool {
		row, ok := resumed.row(target)
		if ok {
			add(row)
		}
		return ok
	}}
	far, err := session.survey(ctx, options, places, func(one looked) {
		row := newAudited(one.target.Name(), one.final, one.err)
		if !one.asOf.IsZero() {
			row.AsOf = &asOf{one.asOf.UTC(), byInventory}
		}
		if since := row.ExposedSince; since != nil && !since.Before(found.ObservedAt) {
			row.ExposedSince = nil // nobody saw it open before, so since when it is open is not known
		}
		resumed.keep(one.target, row, one.final.ObservedAt)
		add(row)
	})
	if err == nil && far.services == 0 {
		err = errors.Join(far.errors()...)
	}
	if err != nil {
		return false, err
	}
	for place, why := range far.unlisted {
		row := newAudited(place, report.Report{}, why)
		found.Services = append(found.Services, row)
		stream(row)
	}
	found.sort()
	found.Totals = found.count()
	if earlier != nil {
		found.Comparison = earlier.compare(found, far.scopes)
	}
	if err := o.write(found, kept, out); err != nil {
		return false, err
	}
	if unread := found.unread(); len(unread) > 0 {
		noteUnread(session.stderr, unread)
		if o.resume != "" {
			note(session.stderr, "what was read is in %s: the same command goes on there for %s", o.resume, ago(keptFor))
		}
		return false, statusError(exitFailed)
	}
	whole = true
	return found.Totals.Exposed+found.Totals.Unknown-found.Totals.Accepted > 0, nil
}

// openKept opens the file of --resume, nil without one, and says what counts of it.
func (o *auditOptions) openKept(session *session, of audit) (*keptAudit, error) {
	if o.resume == "" {
		return nil, nil
	}
	identity := auditIdentity{Scope: of.Scope, Policy: of.Policy, Version: of.Version, Context: of.Context, Principal: of.Principal,
		Endpoint: session.endpoint, Inventory: o.inventory}
	kept, anew, err := openKept(o.resume, identity, time.Now())
	switch {
	case err != nil:
		return nil, err
	case anew != "":
		note(session.stderr, "everything is read anew: %s in the audit that %s keeps", anew, o.resume)
	case len(kept.rows) > 0:
		note(session.stderr, "%s has %s of an earlier run", o.resume, counted(len(kept.rows), "service"))
	}
	return kept, nil
}

// newAudited is what an audit says of one service, or of a place with services that
// could not be listed.
func newAudited(name string, final report.Report, err error) audited {
	one := audited{Service: name, Exposed: door.Unknown}
	switch {
	case err != nil:
		one.Error = err.Error()
	default:
		final = final.Shown()
		one.Service, one.Outcome, one.Exposed = final.Subject(), final.Outcome, final.Exposed
		one.Accepted, one.Mode, one.Team = final.Accepted, final.Mode, final.Target.Labels["team"]
		if final.Policy != nil {
			one.Rule = final.Policy.Rule
		}
		one.ExposedSince, one.Exemption, one.Advice = final.ExposedSince, final.Exemption, final.Advice
		one.Doors, one.Findings, one.Steps, one.Callers = final.Doors, final.Findings, final.Steps, final.Callers
		one.Accessors, one.AccessorsLeftOff = final.Accessors, final.AccessorsLeftOff
		one.AccessorsAtLeast, one.InvokersAtLeast = final.AccessorsAtLeast, final.InvokersAtLeast
		one.Invokers, one.InvokersLeftOff, one.Unread = final.Invokers, final.InvokersLeftOff, final.Unread
	}
	return one
}

// write prints the audit, and keeps it in the file of -o.
func (o *auditOptions) write(found audit, kept *outputFile, out io.Writer) error {
	if kept != nil {
		text, err := o.file(found)
		if err != nil {
			return err
		}
		_, _ = kept.Write(text) // Close returns its error
		if err := kept.Close(); err != nil {
			return err
		}
	}
	format := o.format
	if format == "html" && o.keepsHTML() { // the document is in the file
		format = "text"
	}
	text, err := o.shown.print(found, format, newScreen(out).rendering)
	if err != nil {
		return err
	}
	if _, err := out.Write(text); err != nil {
		return fmt.Errorf("printing the audit: %w", err)
	}
	return nil
}

// keepsHTML reports whether the file of -o gets the document for people.
func (o *auditOptions) keepsHTML() bool {
	return strings.HasSuffix(strings.ToLower(o.output), ".html")
}

// file is what the file of -o gets.
func (o *auditOptions) file(found audit) ([]byte, error) {
	if o.keepsHTML() {
		return o.shown.html(found)
	}
	return found.json()
}

func (a audit) json() ([]byte, error) {
	line, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encoding the audit: %w", err)
	}
	return append(line, '\n'), nil
}

// readAudit reads what audit -o wrote.
func readAudit(name string) (*audit, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("reading --compare: %w", err)}
	}
	var earlier audit
	if err := json.Unmarshal(text, &earlier); err != nil || earlier.Services == nil {
		return nil,
			usageError{fmt.Errorf("reading --compare: %s is not an audit: write one with iapguard audit TARGET -o FILE",
				name)}
	}
	return &earlier, nil
}
