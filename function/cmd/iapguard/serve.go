package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
)

// target is the function's name; Cloud Run functions find it by FUNCTION_TARGET.
const target = "Protect"

// Cloud Run leaves ten seconds between SIGTERM and SIGKILL. Source:
// run/docs/container-contract. Messages in hand are handled until handBackAfter and
// then handed back, which takes at most as long as package reconcile gives a step
// and a report. Handling ends at handledBy, all answers are sent at answeredBy, and
// the buffers of what is published are dropped at goneBy.
const (
	handBackAfter = 3500 * time.Millisecond
	handledBy     = 8 * time.Second
	answeredBy    = 8400 * time.Millisecond
	goneBy        = 9 * time.Second
)

func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the deployed function on $PORT (also: no command at all)",
		Args:  noMore,
		RunE:  serve,
	}
}

func serve(command *cobra.Command, _ []string) error {
	ctx := command.Context()
	config, err := function.ReadConfig(os.Environ())
	if err == nil {
		err = config.Locate(ctx)
	}
	log := slog.New(cloudLogHandler(os.Stdout, config.LogLevel, config.Project))
	if err != nil {
		return unstarted(config, log, err)
	}
	limit := limitMemory(log)
	protect, err := function.New(ctx, config, log)
	if err != nil {
		return unstarted(config, log, err)
	}
	if err := prepareFramework(); err != nil {
		return err
	}
	var server framework
	functions.HTTP(target, func(w http.ResponseWriter, r *http.Request) {
		server.note(r)
		protect.ServeHTTP(w, r)
	})
	failed := make(chan error, 1)
	go func() { failed <- funcframework.Start(strconv.Itoa(config.Port)) }()
	log.Info("serving", "port", config.Port, "self", config.Self, "writers", config.Writers, "version", function.Version,
		"cpus", runtime.GOMAXPROCS(0), "memory_limit", limit)
	go func() {
		if problems := protect.NotReady(ctx); len(problems) > 0 {
			log.Error("not ready, and started all the same: /healthz?ready says when it is", "problems", problems)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		stop(protect, &server, log)
		return nil
	}
}

// unstarted reports why the function does not start: on Cloud Run in the log, one
// line for each problem, elsewhere as any command does.
func unstarted(config function.Config, log *slog.Logger, err error) error {
	if !config.OnCloudRun() {
		return usageError{fmt.Errorf("starting: %w", err)}
	}
	problems := []error{err}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		problems = several.Unwrap()
	}
	for _, problem := range problems {
		log.Error("the function does not start", "err", problem)
	}
	return statusError(exitUsage)
}

// limitMemory sets the soft memory limit of Go's runtime and returns it in words.
// The runtime reads the container's share of CPUs, but not its memory: without
// GOMEMLIMIT the limit is nine tenths of the container's, or of the machine's.
func limitMemory(log *slog.Logger) string {
	provider := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)
	_, err := memlimit.Set(memlimit.WithRatio(0.9), memlimit.WithProvider(provider))
	if err != nil {
		log.Warn("the memory limit cannot be read: set GOMEMLIMIT", "err", err)
	}
	limit := debug.SetMemoryLimit(-1) // asks
	if limit == math.MaxInt64 {
		return "none"
	}
	return fmt.Sprintf("%d MiB", limit>>20)
}

// prepareFramework sets which function the functions framework serves. It hides
// from the framework that it runs on Cloud Run: there the framework prints an empty
// line on stdout and stderr after each request (funcframework/framework.go), among
// log lines that are one object each.
func prepareFramework() error {
	if err := errors.Join(os.Setenv("FUNCTION_TARGET", target), os.Unsetenv("K_SERVICE")); err != nil {
		return fmt.Errorf("naming the function: %w", err)
	}
	return nil
}

// framework holds the functions framework's server. The framework neither returns
// nor stops it, but the context of every request names the server that accepted it
// (net/http, ServerContextKey). A server that never had a request has nothing to
// end.
type framework struct{ server atomic.Pointer[http.Server] }

func (f *framework) note(r *http.Request) {
	if f.server.Load() != nil {
		return
	}
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		f.server.Store(server)
	}
}

// shut closes the listener and waits until every answer is sent.
func (f *framework) shut(ctx context.Context) error {
	server := f.server.Load()
	if server == nil {
		return nil
	}
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}

// stop ends the function in the time that is left after SIGTERM. The server listens
// until every message in hand is answered, and asks the senders of new ones to
// deliver them again. What does not end in time is delivered again too; the log
// says so.
func stop(protect *function.Function, server *framework, log *slog.Logger) {
	began := time.Now()
	until := func(d time.Duration) context.Context {
		ctx, cancel := context.WithDeadline(context.Background(), began.Add(d))
		context.AfterFunc(ctx, cancel) // the process ends by then
		return ctx
	}
	if err := protect.Stop(until(handledBy), handBackAfter); err != nil {
		log.Warn("messages were still being handled when the instance stopped; they are delivered again", "err", err)
	}
	if err := server.shut(until(answeredBy)); err != nil {
		log.Warn("answers were still being sent when the instance stopped; their messages are delivered again", "err", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- protect.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			log.Error("stopping", "err", err)
		}
	case <-until(goneBy).Done():
		log.Warn("what was published was still being sent when the instance stopped")
	}
	log.Info("stopped", "after", time.Since(began).String())
}
