package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/decide"
	"github.com/iapguard/iapguard/internal/memory"
)

// limitsStatus is what the memory of the deployment has of the last hour.
type limitsStatus struct {
	// Changed counts, by rule, the services that took a slot of the limits.
	Changed map[string]int `json:"changed"`
	// Breaker has the writes that did not hold, and that hold others back.
	Breaker []memory.Failure `json:"breaker,omitempty"`
	// Closed is who closed the circuit breaker last, and why; nil = nobody did.
	Closed *memory.Breaker `json:"closed,omitempty"`
	// InForce is the policy that the deployment has in force; nil = the memory has none.
	InForce *inForceStatus `json:"policyInForce,omitempty"`
	// Unknown is why the memory could not be read, "" = it was.
	Unknown string `json:"unknown,omitempty"`
}

// inForceStatus is the policy that a deployment has in force, and what waits to be.
type inForceStatus struct {
	Digest  string                `json:"digest"`
	Since   time.Time             `json:"since"`
	Waiting *memory.WaitingPolicy `json:"waiting,omitempty"`
}

func (s *inForceStatus) lines(digest string) []line {
	if s == nil {
		return nil
	}
	var lines []line
	if s.Digest != digest {
		lines = []line{textLine("in force in the deployment: policy %s since %s, which is not the one above", s.Digest,
			s.Since.UTC().Format(time.RFC3339))}
	}
	if s.Waiting != nil {
		lines = append(lines, alarm("  ", s.Waiting.String()))
	}
	return lines
}

// statusPatience bounds how long status waits for the memory.
const statusPatience = 20 * time.Second

// readLimits reads the memory of the deployment. It returns nil where none is named.
func readLimits(ctx context.Context, policyName string, file *holdsFlag) (*limitsStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	o := options{policy: policyName, endpoint: file.endpoint, format: "text", stderr: file.stderr}
	session, err := o.open(ctx, nil)
	if err != nil { // without credentials status still shows the rest
		return &limitsStatus{Unknown: err.Error()}, nil
	}
	if !session.remembers {
		return nil, nil
	}
	limited, err := session.engine.Limited(ctx)
	read := &limitsStatus{Changed: limited.Changed, Breaker: limited.Failures}
	if limited.Policy.Sum != "" {
		read.InForce = &inForceStatus{limited.Policy.Digest, limited.Policy.Since, limited.Waiting}
	}
	if err != nil {
		read.Unknown = err.Error()
	} else if !limited.Closed.ClosedAt.IsZero() {
		read.Closed = &limited.Closed
	}
	return read, nil
}

func (b *limitsStatus) lines(rules []ruleStatus) []line {
	lines := []line{textLine("limits, services that may change within an hour:")}
	names := map[[2]int][]string{} // many rules have the same limits
	for _, rule := range rules {
		bounds := [2]int{rule.PerProject, rule.Overall}
		names[bounds] = append(names[bounds], rule.Name)
	}
	for _, rule := range rules {
		bounds := [2]int{rule.PerProject, rule.Overall}
		if names[bounds][0] == rule.Name {
			lines = append(lines, textLine("  %d in a project, %d overall: %s", rule.PerProject, rule.Overall,
				strings.Join(names[bounds], ", ")))
		}
	}
	const unknown = "  how many did, and the circuit breaker, are not known: "
	switch {
	case b == nil:
		return append(lines, line{lead: unknown, text: "name the deployment's memory with IAPGUARD_MEMORY=gs://BUCKET",
			style: yellow, hang: 4})
	case b.Unknown != "":
		return append(lines, line{lead: unknown, text: b.Unknown, style: yellow, hang: 4})
	}
	for _, rule := range rules {
		lines = append(lines, textLine("  changed in the last hour: %d by %s", b.Changed[rule.Name], rule.Name))
	}
	return append(lines, b.breakerLines()...)
}

func (b *limitsStatus) breakerLines() []line {
	if len(b.Breaker) == 0 {
		closed := line{lead: "circuit breaker:", text: " closed", hang: 2}
		if b.Closed != nil {
			closed.text += fmt.Sprintf(", by %s at %s: %s", b.Closed.ClosedBy, b.Closed.ClosedAt.UTC().Format(time.RFC3339), b.Closed.Reason)
		}
		return []line{closed}
	}
	lines := []line{{lead: "circuit breaker:", style: red, hang: 2,
		text: " these writes were acknowledged and did not hold, or nobody got in after them"}}
	for _, failure := range b.Breaker {
		what := "held"
		if failure.Harm {
			what = "nobody got in, counts"
		}
		lines = append(lines, textLine("  %s: %s on %s, %s until %s", failure.At.UTC().Format(time.RFC3339), failure.Op,
			failure.Resource, what, failure.At.Add(decide.Window).UTC().Format(time.RFC3339)))
	}
	return lines
}
