package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/policy/stuck"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/internal/strictyaml"
)

// checked is a policy file, what is wrong with it, and what one service would get by it.
type checked struct {
	File     string    `json:"file"`
	Valid    bool      `json:"valid"`
	Digest   string    `json:"digest,omitempty"`
	Rules    int       `json:"rules"`
	Errors   []problem `json:"errors,omitempty"`
	Warnings []problem `json:"warnings,omitempty"`
	Target   *wanted   `json:"target,omitempty"`
}

// printProblems prints what is wrong with a file, each line with FILE:LINE:COL at its beginning, for
// editors and CI that mark the place.
func printProblems(out io.Writer, err error) error {
	if len(strictyaml.Problems(err)) == 0 {
		return usageError{err}
	}
	newScreen(out).print(textLines(err.Error())...)
	return statusError(exitUsage)
}

// wanted is what a rule says about a service. A service without a rule is left
// alone.
type wanted struct {
	Name            string            `json:"service"`
	Rule            string            `json:"rule,omitempty"`
	SkippedRules    []string          `json:"passedOver,omitempty"` // rules that its labels or name select and that do not decide
	Undecided       string            `json:"undecided,omitempty"`  // why it is not known which rule decides
	Mode            policy.Mode       `json:"mode,omitempty"`
	Recipe          policy.Recipe     `json:"recipe,omitempty"`
	Access          []string          `json:"access,omitempty"`
	AccessCondition *report.Condition `json:"accessIf,omitempty"`
	How             string            `json:"how,omitempty"`   // the rule's other keys, in its own words
	Since           *time.Time        `json:"since,omitempty"` // older services are only planned
	ExemptUntil     *time.Time        `json:"exemptUntil,omitempty"`
	ExemptBecause   string            `json:"exemptBecause,omitempty"`
	ExemptDoors     []string          `json:"exemptDoors,omitempty"`
}

func newPolicyCheckCommand() *cobra.Command {
	var format string
	var about subjectFlags
	command := &cobra.Command{
		Use:   "check FILE [TARGET]",
		Short: "Is the policy valid, and what would this service get by it? Reads no cloud",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usageError{fmt.Errorf("%d arguments: write iapguard policy check FILE "+
					"[projects/PROJECT/locations/LOCATION/services/SERVICE]", len(args))}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			read, err := checkPolicy(args, about, time.Now())
			switch {
			case errors.As(err, &usageError{}):
				return err
			case err != nil && format == "text":
				return printProblems(command.ErrOrStderr(), err)
			case err != nil:
				read = checked{File: args[0], Errors: problemsIn(args[0], err)}
			case format == "text":
				newScreen(command.OutOrStdout()).print(read.lines()...)
				return nil
			}
			if encoding := json.NewEncoder(command.OutOrStdout()).Encode(read); encoding != nil || err == nil {
				return encoding
			}
			return statusError(exitUsage)
		},
	}
	command.Flags().StringVar(&format, "format", "text", "text or json")
	about.add(command)
	return command
}

// subjectFlags are the facts about a service that rules may need beside its name.
type subjectFlags struct {
	labels  map[string]string
	folders []string
}

func (f *subjectFlags) add(command *cobra.Command) {
	command.Flags().StringToStringVar(&f.labels, "label", nil, "a `label` of the service, like env=prod")
	command.Flags().StringSliceVar(&f.folders, "folder", nil,
		"a `folder` above the project, like folders/123456789012, or none")
}

func (f subjectFlags) of(target posture.Target) policy.Subject {
	s := policy.Subject{Target: target, Labels: f.labels}
	s.Ancestors = posture.Ancestors{Known: len(f.folders) > 0, Folders: f.folders,
		Unread: "no cloud is read here: write --folder for each, or --folder none"}
	return s
}

func checkPolicy(args []string, about subjectFlags, now time.Time) (checked, error) {
	var target posture.Target
	if len(args) == 2 {
		var err error
		if target, err = posture.ParseTarget(args[1]); err != nil {
			return checked{}, usageError{err}
		}
	}
	rules, err := policy.Read(args[0], now)
	if err != nil {
		return checked{}, err
	}
	read := checked{File: args[0], Valid: true, Digest: rules.Digest(), Rules: len(rules.Rules()), Warnings: warningsOf(args[0], rules)}
	if len(args) == 1 {
		return read, nil
	}
	read.Target = wantedOf(rules, about.of(target), now)
	return read, nil
}

func wantedOf(rules policy.Policy, subject policy.Subject, now time.Time) *wanted {
	settings, _ := rules.For(subject)
	if settings.Undecided != "" {
		return &wanted{Name: subject.Name(), Undecided: settings.Undecided}
	}
	read := &wanted{Name: subject.Name(), SkippedRules: settings.SkippedRules, Rule: settings.Rule, Mode: settings.Mode,
		Recipe: settings.Recipe, Access: settings.Access}
	read.AccessCondition = report.ConditionOf(settings.AccessCondition)
	if settings.Rule != "" {
		read.How = howOf(settings)
	}
	if !settings.Since.IsZero() && !settings.Existing {
		read.Since = &settings.Since
	}
	if settings.ExemptAt(now) {
		read.ExemptUntil = &settings.Exemption.Expires
		read.ExemptBecause = fmt.Sprintf("%s (%s, %s)", settings.Exemption.Reason, settings.Exemption.Ticket,
			settings.Exemption.Owner)
	}
	for _, door := range settings.Doors {
		if door.In(now) {
			read.ExemptDoors = append(read.ExemptDoors, fmt.Sprintf("%s%s, as long as %s alone leads to %s, %s: %s",
				door.Host, door.Path, door.Frontend, door.Backend, door.Describe(), door.Reason))
		}
	}
	return read
}

func (c checked) lines() []line {
	lines := []line{textLine("%s is valid: digest %s, %s", c.File, c.Digest, counted(c.Rules, "rule"))}
	for _, warning := range c.Warnings {
		lines = append(lines, warning.warning())
	}
	if c.Target == nil {
		return lines
	}
	return append(lines, c.Target.lines()...)
}

func (w *wanted) lines() []line {
	name := line{lead: w.Name, style: bold}
	switch {
	case w.Undecided != "":
		return []line{name, textLine("  which rule decides is not known: %s", w.Undecided)}
	case w.Rule == "":
		name.text = " is left alone: no rule covers it"
		return []line{name}
	}
	lines := []line{name, textLine("  rule %s: mode %s, recipe %s, access %s", w.Rule, w.Mode, w.Recipe, orNobody(w.Access))}
	if w.AccessCondition != nil {
		lines = append(lines, textLine("  access if %s", w.AccessCondition))
	}
	lines = append(lines, textLine("  %s", w.How))
	for _, why := range w.SkippedRules {
		lines = append(lines, textLine("  passed over: %s", why))
	}
	if w.Since != nil {
		lines = append(lines, textLine("  if it was created before %s: only planned, until the rule says existing: true",
			w.Since.Format(time.RFC3339)))
	}
	if w.ExemptUntil != nil {
		lines = append(lines, textLine("  exempt until %s: %s", policy.LastDay(*w.ExemptUntil), w.ExemptBecause))
	}
	for _, door := range w.ExemptDoors {
		lines = append(lines, textLine("  one door: %s", door))
	}
	return lines
}

// howOf returns the keys of a rule that have no line of their own, in the words of
// the policy.
func howOf(s policy.Settings) string {
	ingress, invokers := "restrict", "remove"
	if s.KeepIngress {
		ingress = "keep"
	}
	if s.KeepInvokers {
		invokers = "keep"
	}
	how := fmt.Sprintf("access.none %s, ingress %s, publicInvokers %s, withoutLoadBalancer %s, callers %s, "+
		"private %s, whenStuck %s, redeploy %s, redeployImage %s, enableApi %t, probe %s, settle %s, quiet %s, propagation %s, "+
		"limits %d in a project and %d overall",
		s.NoneFor, ingress, invokers, s.WithoutLoadBalancer, s.Callers, s.Private,
		whenStuckOf(s.WhenStuck), s.Redeploy, s.RedeployImage, s.EnableAPI, s.Probe,
		policy.InWords(s.Settle), policy.InWords(s.Quiet), policy.InWords(s.Propagation),
		s.Limits.PerProject, s.Limits.Overall)
	if s.OAuthClient.ID != "" {
		how += ", oauthClient " + s.OAuthClient.ID
	}
	if len(s.Approvers) > 0 {
		how += ", approvers " + strings.Join(s.Approvers, " ")
	}
	if len(s.BreakGlass) > 0 {
		how += ", breakGlass " + strings.Join(s.BreakGlass, " ")
	}
	return how
}

// whenStuckOf is what a rule says of services that are stuck.
func whenStuckOf(rule stuck.Rule) string {
	if rule.Do == "" {
		return string(stuck.Report)
	}
	text := fmt.Sprintf("%s after %s", rule.Do, policy.InWords(rule.After))
	if rule.Window.Bounded() {
		text += ", " + rule.Window.Describe()
	}
	return text
}

func orNobody(members []string) string {
	if len(members) == 0 {
		return "nobody"
	}
	return strings.Join(members, ", ")
}
