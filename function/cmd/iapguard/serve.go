package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
)

// target is the function's name; Cloud Run functions find it by FUNCTION_TARGET.
const target = "Protect"

// drainTime is less than the ten seconds that Cloud Run leaves between SIGTERM
// and SIGKILL. Source: run/docs/container-contract.
const drainTime = 9 * time.Second

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
	if err != nil {
		return usageError{fmt.Errorf("starting: %w", err)}
	}
	log := slog.New(cloudLogHandler(os.Stdout, config.LogLevel))
	protect, err := function.New(ctx, config, log)
	if err != nil {
		return usageError{err}
	}
	if err := os.Setenv("FUNCTION_TARGET", target); err != nil {
		return fmt.Errorf("naming the function: %w", err)
	}
	functions.HTTP(target, func(w http.ResponseWriter, r *http.Request) { protect.ServeHTTP(w, r) })
	failed := make(chan error, 1)
	go func() { failed <- funcframework.Start(strconv.Itoa(config.Port)) }()
	log.Info("serving", "port", config.Port, "self", config.Self, "version", function.Version)
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		return drain(protect)
	}
}

// drain lets requests in flight end; what does not is delivered again.
func drain(protect *function.Function) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- protect.Close() }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("stopping: requests were still being handled after %s", drainTime)
	}
}
