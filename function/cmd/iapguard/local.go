//go:build !deployed

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/localcloud/belief"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/playground/attach"
	"github.com/iapguard/iapguard/internal/policy"
)

// onceTime bounds a scenario that does not end by itself.
const onceTime = 2 * time.Minute

type localFlags struct {
	addr      string
	dataAddr  string
	expose    bool
	once      bool
	paused    bool
	cloudOnly bool
	denials   bool
	latency   time.Duration
	instant   bool
	format    string
	policy    string
	discovery bool
	beliefs   []string
}

func addLocalCommand(root *cobra.Command) {
	var flags localFlags
	command := &cobra.Command{
		Use:   "local",
		Short: "A slice of Google Cloud in this process, with the function wired to its events",
		Long:  "A slice of Google Cloud in this process, with the function wired to its events.\n\n" + beliefsHelp(),
		Args:  noMore,
		RunE: func(command *cobra.Command, _ []string) error {
			if flags.once && !command.Flags().Changed("addr") {
				flags.addr = "127.0.0.1:0" // nobody has to find it, and it may run beside another
			}
			if flags.addr != defaultAddr && !command.Flags().Changed("data-addr") {
				flags.dataAddr = "127.0.0.1:0"
			}
			return local(command.Context(), flags, command.OutOrStdout())
		},
	}
	set := command.Flags()
	set.StringVar(&flags.addr, "addr", defaultAddr, "address to listen on")
	set.StringVar(&flags.dataAddr, "data-addr", "127.0.0.1:9091",
		"address for requests to frontends and run.app hosts, which Host distinguishes; with another --addr a free port")
	set.BoolVar(&flags.expose, "expose", false,
		"allow addresses that other machines can reach; the local cloud believes every caller")
	set.BoolVar(&flags.once, "once", false,
		"play the scenario to its end, then exit 0 only if every service ended protected or compliant")
	set.BoolVar(&flags.paused, "paused", false, "play nothing until somebody presses the button of the page")
	set.BoolVar(&flags.discovery, "discovery", false,
		"hold every call against Google's discovery documents; GET /_local/discovery answers what was found")
	set.BoolVar(&flags.cloudOnly, "cloud-only", false, "no function attached, nothing played")
	set.BoolVar(&flags.denials, "refusals", false,
		"deliver refused requests too, as the sink of deploy/filters/requests.filter does, for the doctor")
	set.DurationVar(&flags.latency, "latency", 0, "added to every API call")
	set.BoolVar(&flags.instant, "instant-operations", false,
		"end long-running operations before they are answered, for clients that poll every ten seconds")
	set.StringArrayVar(&flags.beliefs, "belief", nil, "let Google do otherwise by the belief `NAME`; may be repeated")
	set.StringVar(&flags.format, "format", "text", "text or json (json: one CloudEvent a line, as published)")
	set.StringVar(&flags.policy, "policy", "", "policy file (default: one that enforces, for user:alice@example.com)")
	if err := set.MarkHidden("discovery"); err != nil { // it is for tests of the local cloud
		panic(err)
	}
	command.AddCommand(newLocalEnvCommand())
	root.AddCommand(command)
}

// beliefsHelp lists what --belief takes.
func beliefsHelp() string {
	var text strings.Builder
	text.WriteString("Nobody could confirm some of what Google does. --belief lets the local cloud do otherwise than usual:")
	for _, each := range belief.All() {
		fmt.Fprintf(&text, "\n  %-22s %s", each.Name, each.Alternative)
	}
	return text.String()
}

// options returns what the flags say about the local cloud.
func (f localFlags) options() (playground.Options, error) {
	options := playground.Options{Addr: f.addr, DataAddr: f.dataAddr, EmulatorHost: os.Getenv("PUBSUB_EMULATOR_HOST"),
		Latency: f.latency, InstantOperations: f.instant, Bare: f.cloudOnly}
	if f.discovery {
		options.Discovery = &discovery.Check{}
	}
	var err error
	if options.Beliefs, err = belief.Of(f.beliefs...); err != nil {
		return options, fmt.Errorf("reading --belief: %w", err)
	}
	return options, nil
}

// How far the heap grows, in percent of what is in use, before garbage is collected: much
// while the local cloud starts, which leaves little; then less than usual, because what
// 10,000 services take is mostly in use. Measured by test/scale.
const (
	startGC   = 400
	servingGC = 50
)

func local(ctx context.Context, flags localFlags, out io.Writer) error {
	if flags.format != "text" && flags.format != "json" {
		return usageError{fmt.Errorf("--format is %q: write text or json", flags.format)}
	}
	if flags.once && flags.cloudOnly {
		return usageError{errors.New("--once and --cloud-only: without the function there is nothing to play")}
	}
	if flags.paused && (flags.once || flags.cloudOnly) {
		return usageError{errors.New("--paused waits for a visitor of the page: leave --once and --cloud-only out")}
	}
	if flags.latency < 0 {
		return usageError{fmt.Errorf("--latency is %s: write how long each call takes longer, like 30ms", flags.latency)}
	}
	if err := errors.Join(checkListen("addr", flags.addr, flags.expose),
		checkListen("data-addr", flags.dataAddr, flags.expose)); err != nil {
		return usageError{err}
	}
	if flags.policy != "" {
		if _, err := policy.Read(flags.policy, time.Now()); err != nil {
			return usageError{err}
		}
	}
	options, err := flags.options()
	if err != nil {
		return usageError{err}
	}
	page := newLocalPage(flags)
	options.Console, options.OnCall = page, page.OnCall
	collect := os.Getenv("GOGC") == "" // the user does not say how often
	if collect {
		debug.SetGCPercent(startGC)
	}
	running, err := playground.Start(ctx, options)
	if err != nil {
		return fmt.Errorf("starting the local cloud: %w%s", err, nextPort(err, flags.addr))
	}
	if collect {
		debug.SetGCPercent(servingGC)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = running.Close(closing) // the process ends
	}()
	fmt.Fprintf(os.Stderr, "local cloud at %s: open it in a browser\nits frontends and run.app hosts, as Host, at %s\n",
		running.URL(), running.DataURL())
	if flags.expose {
		fmt.Fprintln(os.Stderr, "other machines may reach it, and it believes every caller")
	}
	if flags.cloudOnly {
		return page.until(ctx, running)
	}
	if err := running.DeployFunction(ctx); err != nil {
		return err
	}
	attached, err := attach.Function(ctx, running, attach.Options{PolicyFile: flags.policy, Denials: flags.denials,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer attached.Close()
	outcomes := newOutcomes(out, flags.format)
	if err := running.OnReport(ctx, func(received playground.Report) {
		outcomes.add(received)
		page.OnReport(received)
	}); err != nil {
		return err
	}
	if err := page.watch(ctx, running); err != nil {
		return err
	}
	if flags.paused {
		fmt.Fprintln(os.Stderr, "nothing is played until you press the button of the page")
		<-ctx.Done()
		return nil
	}
	return play(ctx, running, flags, outcomes)
}

// inUseOnWindows is WSAEADDRINUSE. Source: learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2.
const inUseOnWindows = syscall.Errno(10048)

// nextPort names a port that is free, where the one that was wanted is in use; "" otherwise.
func nextPort(err error, addr string) string {
	host, text, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(text)
	if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, inUseOnWindows) || port == 0 {
		return ""
	}
	for next := port + 100; next < port+1000 && next < 65000; next += 100 {
		free, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(next)))
		if err == nil {
			_ = free.Close() // it was to see that nobody has it
			return fmt.Sprintf(": write --addr %s", net.JoinHostPort(host, strconv.Itoa(next)))
		}
	}
	return ""
}

// play plays the scenario, and with --once waits until each service has ended well.
func play(ctx context.Context, running *playground.Playground, flags localFlags, outcomes *outcomes) error {
	if flags.once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, onceTime)
		defer cancel()
	}
	if err := running.Play(ctx); err != nil {
		return err
	}
	if !flags.once {
		fmt.Fprintf(os.Stderr,
			"the scenario has been played; deploy more with gcloud after: eval \"$(iapguard local env%s)\"\n",
			addrFlag(flags.addr))
		<-ctx.Done()
		return nil
	}
	return outcomes.settle(ctx, running.Broker.Idle)
}
