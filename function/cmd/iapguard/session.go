package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// options are the flags that plan and apply share.
type options struct {
	policy   string
	holds    string
	format   string
	formats  []string // that the command knows beside text and json
	output   string
	endpoint string
	// talk names the deployment whose policy and holds count where no flag names others.
	talk  sending
	talks bool // it does
	// writes means that the command changes services: then a policy has to be known, unless
	// noPolicy insists.
	writes, noPolicy bool
	out              func() io.Writer // of text; nil = nothing is said of the deployment
	stderr           func() io.Writer
}

func (o *options) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&o.policy, "policy", "", "policy file (default: $IAPGUARD_POLICY; without one: report-only)")
	flags.StringVar(&o.holds, "holds", "",
		"holds file, or the secret with it: projects/P/secrets/S (default: $IAPGUARD_HOLDS; without one: no holds are kept)")
	flags.StringVar(&o.format, "format", "text", "text or json (json: one object a line)")
	flags.StringVarP(&o.output, "output", "o", "", "write the reports to this file too, one JSON object a line")
	flags.StringVar(&o.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	o.talk.addTalk(command)
	o.talks = true
	o.out, o.stderr = command.OutOrStdout, command.ErrOrStderr
}

// addWriting adds the flags of a command that changes services.
func (o *options) addWriting(command *cobra.Command) {
	o.add(command)
	o.writes = true
	command.Flags().BoolVar(&o.noPolicy, "no-policy", false, "go on although no policy is known: exemptions and limits do not count")
}

// known finds the policy: of the flag or $IAPGUARD_POLICY, else of the deployment that a context
// names.
func (o *options) known(ctx context.Context, config function.Config) (rules policy.Policy, found *inForce, err error) {
	if o.policy == "" {
		o.policy = config.Policy
	}
	if o.policy != "" {
		if rules, err = policy.Read(o.policy, time.Now()); err != nil {
			return rules, nil, usage(err)
		}
		found, err = o.heldBy(ctx, config)
		return rules, found, err
	}
	if o.noPolicy {
		note(o.stderr(), "no policy counts: no exemption, no limit, no hold of a deployment")
		return rules, nil, nil
	}
	if !o.talks {
		return rules, nil, nil
	}
	o.talk.endpoint = o.endpoint
	if found, err = o.talk.askInForce(ctx, o.writes); err != nil {
		return rules, nil, err
	}
	if found == nil {
		at, _ := url.Parse(config.Connect.Endpoint) // it was checked
		if o.writes && (config.Connect.Endpoint == "" || !isLoopback(at.Hostname())) {
			return rules, nil, usageError{errors.New("no policy is known: name the deployment with iapguard context use " +
				"projects/PROJECT/locations/LOCATION/services/SERVICE, or the policy with --policy FILE; --no-policy goes on without")}
		}
		return rules, nil, nil
	}
	rules, err = found.policy()
	return rules, found, err
}

// heldBy is the deployment whose holds count although a file has the policy: one that a context
// names, where no holds are named.
func (o *options) heldBy(ctx context.Context, config function.Config) (*inForce, error) {
	if !o.talks || o.holds != "" || config.Holds != "" {
		return nil, nil
	}
	o.talk.endpoint = o.endpoint
	found, err := o.talk.askInForce(ctx, o.writes)
	switch {
	case err != nil && o.writes:
		return nil, fmt.Errorf("%w; to go on without its holds, name others with --holds", err)
	case err != nil:
		note(o.stderr(), "the holds of the deployment are not known: %v", err)
	case found == nil && o.writes:
		note(o.stderr(), "no holds are known: name the deployment with iapguard context use, or a holds file with --holds")
	}
	return found, nil
}

// usage makes an error one of usage, nil stays nil.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// session is the function's engine for a person at a terminal, with its cloud
// and where it publishes reports.
type session struct {
	engine *reconcile.Engine
	cloud  *cloud.Cloud
	stderr io.Writer

	reportsTopic, pubSubHost string                // "" = no reports are published
	remembers                bool                  // the memory is the deployment's
	placed                   *function.PlacedHolds // nil = the memory is not the deployment's

	endpoint  string // base URL of all APIs; "" = Google's own
	digest    string // of the policy
	context   string // the deployment that a context names; "" = none
	held      int    // holds that it has in force
	unheld    string // why others may be; "" = they are all
	principal string // who calls, as far as the configuration says
}

func (o *options) open(ctx context.Context, publisher reconcile.Publisher) (*session, error) {
	if formats := append([]string{"text", "json"}, o.formats...); !slices.Contains(formats, o.format) {
		last := len(formats) - 1
		return nil, usageError{fmt.Errorf("--format is %q: write %s or %s", o.format, strings.Join(formats[:last], ", "), formats[last])}
	}
	config, err := function.ReadConfig(cliEnvironment())
	if err != nil {
		return nil, usageError{err}
	}
	if o.endpoint != "" {
		config.Connect.Endpoint, config.Connect.Endpoints = o.endpoint, nil
	}
	if err := config.Connect.Check(); err != nil {
		return nil, usageError{err}
	}
	rules, deployed, err := o.known(ctx, config)
	if err != nil {
		return nil, err
	}
	clients, err := cloud.Connect(ctx, config.Connect, time.Now)
	if err != nil {
		return nil, err
	}
	if o.holds == "" {
		o.holds = config.Holds
	}
	config.Clock = clockwork.NewRealClock()
	if publisher == nil {
		publisher = unpublished{}
	}
	log := slog.New(slog.DiscardHandler)
	remembered, err := function.OpenMemory(ctx, config, log)
	if err != nil {
		return nil, err
	}
	if deployed != nil && o.format == "text" && o.out != nil {
		deployed.announce(o.out(), o.stderr(), rules.Digest(), config.Memory != "" || !o.writes)
	}
	kept := keptHolds{longest: rules.LongestHold(), deployed: deployed}
	if config.Memory != "" {
		kept.placed = function.NewPlacedHolds(remembered, config.Clock, log)
	}
	if o.holds != "" {
		if kept.file, err = openHolds(ctx, o.holds, config.Connect); err != nil {
			return nil, err
		}
	}
	engine, err := function.NewEngine(clients, config, function.Wiring{
		Publisher: publisher, Holds: kept.reader(), Log: log, Memory: remembered,
		Policy: func() reconcile.Policy { return rules },
	})
	if err != nil {
		return nil, err
	}
	caller := config.Self
	if caller == "" && !config.Connect.Local() {
		caller = principalOf(os.Getenv)
	}
	made := &session{endpoint: config.Connect.Endpoint, digest: rules.Digest(), principal: caller, engine: engine, cloud: clients, stderr: o.stderr(),
		reportsTopic: config.ReportsTopic, pubSubHost: config.PubSubHost, remembers: config.Memory != "", placed: kept.placed}
	if deployed != nil {
		made.context, made.held = deployed.to.found.target.Name(), len(deployed.status.Holds)
		if deployed.err != nil {
			made.unheld = deployed.err.Error()
		}
	}
	return made, nil
}

// cliEnvironment is the environment of commands that a person types, without
// OTEL_*: a terminal exports no telemetry.
func cliEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "OTEL_") })
}

// unpublished is the publisher of commands that publish nothing.
type unpublished struct{}

func (unpublished) Publish(context.Context, report.Report) error {
	return errors.New("this command publishes no reports")
}

// keptHolds are the holds that a command line obeys.
type keptHolds struct {
	file    holdsStore            // nil = none is named
	placed  *function.PlacedHolds // nil = no deployment's memory is named
	longest time.Duration         // how long a hold may last
	// deployed is the deployment that a context names; nil = none does.
	deployed *inForce
}

// reader returns a function that reads the holds anew, nil without holds.
func (k keptHolds) reader() func(context.Context) (reconcile.Holds, error) {
	if k.file == nil && k.placed == nil && k.deployed == nil {
		return nil
	}
	return func(ctx context.Context) (reconcile.Holds, error) {
		var holds policy.Holds
		if k.file != nil {
			var err error
			if holds, err = k.file.read(ctx); err != nil {
				return nil, err
			}
		}
		var unread error
		if k.deployed != nil {
			var held policy.Holds
			held, unread = k.deployed.current(ctx)
			holds = holds.And(held)
		}
		if k.placed != nil {
			var placed policy.Holds
			var unplaced error
			placed, unplaced = k.placed.Current(ctx)
			holds, unread = holds.And(placed), errors.Join(unread, unplaced)
		}
		now := time.Now()
		return holds.Bounded(k.longest, func(policy.Hold) time.Time { return now }), unread
	}
}

// parseScopes reads the targets that the arguments name, before a connection is
// needed.
func parseScopes(names []string) ([]posture.Scope, error) {
	var scopes []posture.Scope
	var problems []error
	for _, name := range names {
		scope, err := posture.ParseScope(name)
		scopes, problems = append(scopes, scope), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, usageError{err}
	}
	return scopes, nil
}

// list returns the services in scopes, and why a scope was not listed, or in part.
func (s *session) list(ctx context.Context, scopes []posture.Scope) ([]posture.Target, map[posture.Scope]error) {
	var targets []posture.Target
	unlisted := map[posture.Scope]error{}
	for _, scope := range scopes {
		found, err := s.cloud.Services(ctx, scope)
		if err != nil {
			unlisted[scope] = err
		} else if len(found) == 0 {
			note(s.stderr, "there are no services in %s", scope.Name())
		}
		targets = append(targets, found...)
	}
	// Scopes may overlap: a service counts once.
	slices.SortFunc(targets, func(a, b posture.Target) int { return strings.Compare(a.Name(), b.Name()) })
	return slices.Compact(targets), unlisted
}

// wantPlaces is wantTargets of a command that looks through folders and organizations too.
func wantPlaces(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{fmt.Errorf("no target: write %s projects/PROJECT[/locations/LOCATION[/services/SERVICE]], "+
			"folders/FOLDER or organizations/ORGANIZATION", command.CommandPath())}
	}
	return nil
}

func wantTargets(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{fmt.Errorf("no target: write %s projects/PROJECT[/locations/LOCATION[/services/SERVICE]]",
			command.CommandPath())}
	}
	return nil
}
