package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// limitsStatus counts the services written within the last hour, by the audit logs
// of the projects that the policy names without a pattern.
type limitsStatus struct {
	Written map[string]int `json:"written"` // services, by project
	Overall int            `json:"overall"`
	Breaker *openBreaker   `json:"breaker,omitempty"` // absent = closed, by the logs
	// Unknown names the projects whose log could not be read, each with the reason.
	Unknown map[string]string `json:"unknown,omitempty"`
}

// openBreaker says why and until when the circuit breaker holds every write.
type openBreaker struct {
	Why   string    `json:"why"`
	Until time.Time `json:"until"`
}

// statusPatience bounds how long status waits for the logs.
const statusPatience = 20 * time.Second

// readLimits reads the audit logs. It returns nil where the policy names projects by
// patterns alone.
func readLimits(ctx context.Context, policyName, endpoint string) (*limitsStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	o := options{policy: policyName, endpoint: endpoint, format: "text"}
	projects, err := o.namedProjects()
	if err != nil || len(projects) == 0 {
		return nil, err
	}
	read := &limitsStatus{Written: map[string]int{}, Unknown: map[string]string{}}
	session, err := o.open(ctx, nil)
	if err != nil { // without credentials status still shows the rest
		for _, project := range projects {
			read.Unknown[project] = err.Error()
		}
		return read, nil
	}
	limited, unread := session.engine.Limited(ctx)
	read.Written, read.Overall = limited.Written, limited.Overall
	if limited.Open != "" {
		read.Breaker = &openBreaker{limited.Open, limited.Until}
	}
	for project, err := range unread {
		read.Unknown[project] = err.Error()
	}
	return read, nil
}

func (b *limitsStatus) print(out io.Writer, rules []ruleStatus) {
	fmt.Fprintln(out, "limits, services that may be written within an hour:")
	names := map[[2]int][]string{} // many rules have the same limits
	for _, rule := range rules {
		bounds := [2]int{rule.PerProject, rule.Overall}
		names[bounds] = append(names[bounds], rule.Name)
	}
	for _, rule := range rules {
		bounds := [2]int{rule.PerProject, rule.Overall}
		if names[bounds][0] == rule.Name {
			fmt.Fprintf(out, "  %d in a project, %d overall: %s\n",
				rule.PerProject, rule.Overall, strings.Join(names[bounds], ", "))
		}
	}
	if b == nil {
		fmt.Fprintln(out, "  how many were is not known: the policy names no project in full")
		return
	}
	for _, project := range slices.Sorted(maps.Keys(b.Written)) {
		fmt.Fprintf(out, "  written in the last hour: %d in %s\n", b.Written[project], project)
	}
	fmt.Fprintf(out, "  written in the last hour: %d overall\n", b.Overall)
	for _, project := range slices.Sorted(maps.Keys(b.Unknown)) {
		fmt.Fprintf(out, "  not known of %s: %s\n", project, b.Unknown[project])
	}
	if b.Breaker == nil {
		fmt.Fprintln(out, "circuit breaker: closed, by the audit logs")
		return
	}
	fmt.Fprintf(out, "circuit breaker: open until %s: %s\n", b.Breaker.Until.Format(time.RFC3339), b.Breaker.Why)
}
