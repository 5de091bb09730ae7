// Package attach runs the function beside the playground's local cloud, wired as it
// is deployed: its account, its topics, its memory and its policy. It is a package of
// its own because the function's tests use the playground too.
package attach

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
)

// Policy is the policy of the playground's scenario. It waits a few seconds for a
// service to be quiet: gcloud reads and writes the IAM policy of a service that it
// has just deployed.
const Policy = `version: 1
rules:
  - name: built-in
    match:
      projects: [demo-project]
    mode: enforce
    access:
      members: ["user:alice@example.com"]
    redeploy: enforce
    settle: 3s
    quiet: 3s
    propagation: 0s
`

// Options say how the function runs. The zero value is as `iapguard local` runs it.
type Options struct {
	PolicyFile string // "" = Policy
	HoldsFile  string // "" = there is none
	Denials    bool   // refused requests are delivered too, for the doctor
	Log        *slog.Logger
}

// Function starts the function as its own service account, and delivers the local
// cloud's events to it. The error is the configuration's, or that of a sink.
func Function(ctx context.Context, p *playground.Playground, options Options) (*function.Function, error) {
	config, err := function.ReadConfig(nil)
	if err != nil {
		return nil, err
	}
	config.Self, config.Connect.Self = playground.FunctionAccount, playground.FunctionAccount
	config.Holds = options.HoldsFile
	// On Cloud Run, the metadata server has this.
	own := &config.Runtime
	own.Service.Project, own.ProjectNumber = playground.Project, playground.ProjectNumber
	own.Service.Location, own.Service.Service = playground.FunctionRegion, playground.FunctionService
	config.Connect.Endpoint, config.Connect.DoorsAddress = p.URL(), strings.TrimPrefix(p.DataURL(), "http://")
	config.ReportsTopic, config.WorkTopic = playground.ReportsTopic, playground.WorkTopic
	config.PubSubHost = p.Broker.Address()
	config.Policy, config.PolicyText = options.PolicyFile, []byte(Policy)
	if err := p.MakeMemoryBucket(ctx); err != nil {
		return nil, fmt.Errorf("making the memory's bucket: %w", err)
	}
	config.Memory = playground.MemoryBucket
	push := []string{playground.PushAccount}
	config.Callers = function.Callers{
		Audiences: []string{playground.FunctionAudience}, Operators: []string{playground.OperatorAccount},
		Pushers: map[string][]string{function.EventsPath: push, function.WorkPath: push, function.CommandsPath: push},
	}
	config.DueTimer = true // the local cloud has no Cloud Scheduler
	attached, err := function.New(ctx, config, options.Log)
	if err != nil {
		return nil, err
	}
	if err := p.Attach(ctx, attached); err != nil || !options.Denials {
		return attached, err
	}
	return attached, p.Cloud.Logs().AddSink(logging.Sink{Name: "iapguard-requests", Filter: playground.RequestsFilter,
		Topic: playground.EventsTopic})
}
