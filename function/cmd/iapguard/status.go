package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy"
)

// status is what governs writes: the policy with its modes, the holds, the limits.
type status struct {
	Policy policyStatus `json:"policy"`
	Holds  []holdStatus `json:"holds"`
	// Problems are what is wrong with single holds, a line each.
	Problems []string `json:"problems,omitempty"`
	// Unreadable says why the holds cannot be read; then nothing is written but, by the
	// function, what was guarded before and is under none of the last good holds.
	Unreadable string `json:"unreadable,omitempty"`
	// Limits is absent where the policy names no project in full.
	Limits *limitsStatus `json:"limits,omitempty"`
}

type policyStatus struct {
	Digest string       `json:"digest"`
	Rules  []ruleStatus `json:"rules"`
	unread bool         // the rules are not known
}

type ruleStatus struct {
	Name   string        `json:"name"`
	Mode   policy.Mode   `json:"mode"`
	Recipe policy.Recipe `json:"recipe"`
	// PerProject and Overall are how many services may be written within an hour.
	PerProject int `json:"perProject"`
	Overall    int `json:"overall"`
}

type holdStatus struct {
	Target string    `json:"target"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
}

func newStatusCommand() *cobra.Command {
	var file holdsFlag
	var talk sending
	var policyName, format string
	command := &cobra.Command{
		Use:   "status",
		Short: "Show what the deployment has in force, what is open, held and overdue, and how near the limits are",
		Long: "Status asks the deployment that the context names. With --policy or --holds, or where IAPGUARD_POLICY or " +
			"IAPGUARD_HOLDS is set, it shows what these files say instead.",
		Args: noMore,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			if file.path() == "" && cmp.Or(policyName, os.Getenv("IAPGUARD_POLICY")) == "" {
				talk.endpoint = file.endpoint
				if found, err := talk.askInForce(command.Context(), false); err != nil {
					return err
				} else if found != nil {
					return found.show(command.Context(), command.OutOrStdout(), format)
				}
			}
			read, err := readStatus(command.Context(), cmp.Or(policyName, os.Getenv("IAPGUARD_POLICY")), &file, time.Now())
			if err != nil {
				return usageError{err}
			}
			if read.Limits, err = readLimits(command.Context(), policyName, &file); err != nil {
				return err
			}
			if format == "json" {
				return json.NewEncoder(command.OutOrStdout()).Encode(read)
			}
			newScreen(command.OutOrStdout()).print(read.lines()...)
			return nil
		},
	}
	file.add(command)
	talk.addTalk(command)
	command.Flags().StringVar(&policyName, "policy", "", "policy file (default: $IAPGUARD_POLICY)")
	command.Flags().StringVar(&format, "format", "text", "text or json")
	return command
}

func textOrJSON(format string) error {
	if format != "text" && format != "json" {
		return usageError{fmt.Errorf("--format is %q: write text or json", format)}
	}
	return nil
}

func readStatus(ctx context.Context, policyName string, named *holdsFlag, now time.Time) (status, error) {
	read := status{Holds: []holdStatus{}}
	var rules policy.Policy
	if policyName != "" {
		var err error
		if rules, err = policy.Read(policyName, now); err != nil {
			return read, err
		}
	}
	read.Policy = policyStatus{Digest: rules.Digest(), Rules: ruleStatuses(rules.Rules())}
	holds, unread, err := named.inForce(ctx)
	if err != nil {
		return read, err
	}
	if unread != nil {
		read.Unreadable = unread.Error()
	}
	holds = holds.Bounded(rules.LongestHold(), func(policy.Hold) time.Time { return now })
	read.Problems = holds.Problems(now)
	for _, hold := range holds.At(now) {
		read.Holds = append(read.Holds, holdStatus{hold.Name(), hold.Until, hold.Reason, hold.By})
	}
	return read, nil
}

func ruleStatuses(rules []policy.Settings) []ruleStatus {
	all := []ruleStatus{}
	for _, rule := range rules {
		all = append(all, ruleStatus{rule.Rule, rule.Mode, rule.Recipe, rule.Limits.PerProject, rule.Limits.Overall})
	}
	return all
}

// modeStyles are the styles of modes: a rule that only reports guards nothing.
var modeStyles = map[policy.Mode]style{policy.Enforce: green, policy.Approve: yellow, policy.ReportOnly: yellow}

func (s status) lines() []line {
	lines := []line{textLine("policy %s%s", s.Policy.Digest, s.since())}
	for _, rule := range s.Policy.Rules {
		lines = append(lines, line{lead: fmt.Sprintf("  %-12s ", rule.Mode), style: modeStyles[rule.Mode], hang: 4,
			text: fmt.Sprintf("%-14s %s", rule.Recipe, rule.Name)})
	}
	switch {
	case s.Policy.unread:
		lines = append(lines, alarm("  ", "its rules are not known"))
	case len(s.Policy.Rules) == 0:
		lines = append(lines, line{lead: fmt.Sprintf("  %-12s ", policy.ReportOnly), text: "everything: there is no policy",
			style: yellow, hang: 4})
	}
	if s.Limits != nil {
		lines = append(lines, s.Limits.InForce.lines(s.Policy.Digest)...)
	}
	lines = append(lines, textLine("holds: %d", len(s.Holds)))
	for _, hold := range s.Holds {
		lines = append(lines, textLine("  %s until %s: %s (%s)", hold.Target, hold.Until.Format(time.RFC3339), hold.Reason, hold.By))
	}
	for _, problem := range s.Problems {
		lines = append(lines, alarm("  ", problem))
	}
	if s.Unreadable != "" {
		lines = append(lines, line{lead: "  nothing new is written: ", text: s.Unreadable, style: red, hang: 4})
	}
	return append(lines, s.Limits.lines(s.Policy.Rules)...)
}

// since says since when the policy is in force, where it is the deployment's.
func (s status) since() string {
	if s.Limits == nil || s.Limits.InForce == nil || s.Limits.InForce.Digest != s.Policy.Digest {
		return ""
	}
	return ", in force since " + s.Limits.InForce.Since.UTC().Format(time.RFC3339)
}

// alarm is a line that a person should not overlook.
func alarm(indent, text string) line {
	return line{lead: indent + "! ", text: text, style: red, hang: len(indent) + 2}
}
