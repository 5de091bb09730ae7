package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	cloudrun "github.com/iapguard/iapguard/internal/cloud/run"
	"github.com/iapguard/iapguard/internal/fault"
)

// sending is how a command is sent to the deployed function.
type sending struct {
	context, as, url, endpoint string
	stderr                     func() io.Writer
}

func (s *sending) add(command *cobra.Command) {
	flags := command.Flags()
	s.addTalk(command)
	flags.StringVar(&s.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
}

// addTalk adds the flags that say which function is talked to, and as who.
func (s *sending) addTalk(command *cobra.Command) {
	s.stderr = command.ErrOrStderr
	flags := command.Flags()
	flags.StringVar(&s.context, "context", "",
		"the deployed function: projects/P/locations/L/services/S (default: see iapguard context)")
	flags.StringVar(&s.as, "as", "",
		"e-mail address of the service account to send as, which you may impersonate (default: the first that the function names)")
	flags.StringVar(&s.url, "url", "", "where the function is reached (default: its own address)")
}

func newSendCommand() *cobra.Command {
	var s sending
	var length time.Duration
	var since string
	body := map[string]any{}
	text := map[string]*string{}
	flag := map[string]*bool{}
	command := &cobra.Command{
		Use:   "send COMMAND [TARGET]",
		Short: "Ask the deployed function to do something, as who is logged in",
		Long: "Send posts a command to the deployed function with an identity token of a service account that you may " +
			"impersonate, so that the audit log names you: apply, plan, audit, doctor, sweep, due, hold, resume, undo or " +
			"close-breaker. The function says what it did. To approve, use iapguard approve.",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return usageError{fmt.Errorf("write %s COMMAND [TARGET], like %s sweep projects/PROJECT", command.CommandPath(),
					command.CommandPath())}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			body["command"] = args[0]
			if len(args) > 1 {
				body["target"] = args[1]
			}
			for name, value := range text {
				if *value != "" {
					body[name] = *value
				}
			}
			for name, value := range flag {
				if *value {
					body[name] = true
				}
			}
			if length != 0 {
				body["for"] = length.String()
			}
			if since != "" {
				at, err := timeOrAgo("--since", since, time.Now())
				if err != nil {
					return err
				}
				body["since"] = at.UTC().Format(time.RFC3339)
			}
			return s.send(command.Context(), body, command.OutOrStdout())
		},
	}
	s.add(command)
	flags := command.Flags()
	for name, words := range map[string][2]string{
		"reason": {"reason", "why: of hold and close-breaker"}, "planId": {"plan", "the plan of a report: of apply"},
		"run":          {"run", "the id of the run that undo takes back"},
		"policyDigest": {"policy-digest", "the policy whose runs undo takes back"},
	} {
		text[name] = flags.String(words[0], "", words[1])
	}
	flag["yes"] = flags.Bool("yes", false, "have undo write; without it the function only says what it would do")
	flag["wholeRecipe"] = flags.Bool("whole-recipe", false, "have plan make the offer of the whole recipe for one service, also a "+
		"private one that the rule leaves")
	flags.DurationVar(&length, "for", 0, "how long, like 4h: of hold, and of the hold that undo places first")
	flags.StringVar(&since, "since", "", "since when undo takes the policy's runs back: a time, or how long ago, like 2h")
	return command
}

func newApproveCommand() *cobra.Command {
	var s sending
	var overLimit bool
	command := &cobra.Command{
		Use:   "approve PLANID|DIGEST",
		Short: "Have the deployed function carry out a plan, or let a policy version in that waits",
		Long: "Approve takes the planId of a report, and the function carries that plan out if it is still what is to be done. Or it " +
			"takes the digest of a policy version that waits. It is for the approvers that the policy names, but for who caused the plan. " +
			"An approval is worth 24 hours from the plan on, and one run uses it.",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("write %s PLANID, the plan of a report", command.CommandPath())}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			body := map[string]any{"command": "approve", "planId": args[0]}
			if overLimit {
				body["overLimit"] = true
			}
			return s.send(command.Context(), body, command.OutOrStdout())
		},
	}
	s.add(command)
	command.Flags().BoolVar(&overLimit, "over-limit", false, "carry the plan out although a limit of the policy is used up")
	return command
}

// reported are the commands that the function takes on, and reports of later.
var reported = []string{"apply", "plan", "audit", "doctor", "sweep", "due", "approve", "resume"}

// sendPatience is how long the function may take: as long as one request to it may.
const sendPatience = 10 * time.Minute

// send posts one command, and prints what the function says.
func (s *sending) send(ctx context.Context, body map[string]any, out io.Writer) error {
	to, err := s.open(ctx)
	if err != nil {
		return err
	}
	note(s.stderr(), "asking %s as %s (named by %s)", to.found.target.Name(), to.as, to.found.from)
	answer, err := to.ask(ctx, body)
	screen := newScreen(out)
	for _, each := range answer.Said {
		screen.print(line{text: each, whole: true, hang: 2})
	}
	switch {
	case err != nil:
	case slices.Contains(reported, fmt.Sprint(body["command"])):
		screen.print(line{lead: "to see what comes of it: ", text: "iapguard reports --since 10m", whole: true})
	case body["command"] == "hold":
		screen.print(endHoldLine(fmt.Sprint(body["target"])))
	}
	return err
}

// recipient is the deployed function, and as which account a person talks to it.
type recipient struct {
	found    deployment
	deployed cloudrun.Deployed
	cloud    *cloud.Cloud
	connect  connect.Config
	as       string
	own      string   // its own address
	others   []string // further addresses
	at       string   // where it is reached
	audience string

	impersonator *connect.Impersonator
}

// open finds the deployed function.
func (s *sending) open(ctx context.Context) (*recipient, error) {
	found, err := findContext(s.context)
	if err != nil {
		return nil, err
	}
	config, err := function.ReadConfig(cliEnvironment())
	if err != nil {
		return nil, usageError{err}
	}
	if s.endpoint != "" {
		config.Connect.Endpoint, config.Connect.Endpoints = s.endpoint, nil
	}
	if err := config.Connect.Check(); err != nil {
		return nil, usageError{err}
	}
	clients, err := cloud.Connect(ctx, config.Connect, time.Now)
	if err != nil {
		return nil, err
	}
	deployed, err := clients.Deployed(ctx, found.target)
	if fault.Of(err).Kind == fault.ServiceGone {
		return nil, fmt.Errorf("the function %s (%s) is not there: name the one that is with iapguard context use: %w",
			found.target.Name(), found.from, err)
	} else if err != nil {
		return nil, fmt.Errorf("finding %s (%s): %w", found.target.Name(), found.from, err)
	}
	urls := deployed.URLs
	if len(urls) == 0 {
		return nil, fmt.Errorf("%s has no address: is it deployed?", found.target.Name())
	}
	as := cmp.Or(s.as, firstOf(deployed.Variables["IAPGUARD_OPERATORS"]))
	return &recipient{found: found, deployed: deployed, cloud: clients, connect: config.Connect, as: as, own: urls[0],
		others:       urls[1:],
		at:           cmp.Or(s.url, dataURL(ctx, config.Connect.Endpoint), urls[0]),
		audience:     cmp.Or(firstOf(deployed.Variables["IAPGUARD_AUDIENCE"]), urls[0]),
		impersonator: connect.NewImpersonator(config.Connect)}, nil
}

// errNoAccount means that the function names no account that people send as.
var errNoAccount = errors.New("the function names no account to send as (IAPGUARD_OPERATORS): write --as EMAIL")

// ask posts one command, and returns what the function says.
func (r *recipient) ask(ctx context.Context, body map[string]any) (function.Answer, error) {
	if r.as == "" {
		return function.Answer{}, usageError{errNoAccount}
	}
	for again := true; ; again = false {
		token, err := r.impersonator.IdentityToken(ctx, r.as, r.audience)
		if err != nil {
			return function.Answer{}, err
		}
		request, err := r.request(ctx, body)
		if err != nil {
			return function.Answer{}, err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := (&http.Client{Timeout: sendPatience}).Do(request)
		if err != nil {
			return function.Answer{}, fmt.Errorf("sending the command: %w", err)
		}
		answer, err := answered(response)
		_ = response.Body.Close() // it was read
		if !again || !errors.Is(err, errUsed) {
			return answer, err
		}
		select { // tokens of one second are the same
		case <-time.After(time.Second):
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
}

// errUsed means that the token was used for a command before.
var errUsed = errors.New("the token was used before")

// request is the command for the function where it is reached.
func (r *recipient) request(ctx context.Context, body map[string]any) (*http.Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("writing the command: %w", err)
	}
	at, err := url.Parse(r.at)
	switch {
	case err != nil || at.Host == "":
		return nil, usageError{fmt.Errorf("--url is %q: write https://HOST", r.at)}
	case at.Scheme != "https" && !isLoopback(at.Hostname()):
		return nil, usageError{fmt.Errorf("--url is %q: the token goes over https alone", r.at)}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(at.String(), "/")+function.CommandsPath,
		bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("writing the command: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if own, err := url.Parse(r.own); err == nil && isLoopback(at.Hostname()) {
		request.Host = own.Host // a local cloud, or a tunnel
	}
	return request, nil
}

// answered reads the function's answer. Its error is the function's.
func answered(response *http.Response) (answer function.Answer, err error) {
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswered))
	if err != nil {
		return answer, fmt.Errorf("reading the answer: %w", err)
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Command == "" && answer.Error == "" {
		err := fmt.Errorf("the function answered %s: %.500s", response.Status, strings.TrimSpace(string(text)))
		if response.StatusCode == http.StatusUnauthorized && strings.Contains(string(text), function.TokenUsed) {
			err = fmt.Errorf("%w: %w", errUsed, err)
		}
		return function.Answer{}, err
	}
	switch {
	case answer.Error == "":
		return answer, nil
	case response.StatusCode == http.StatusBadRequest:
		return answer, usageError{errors.New(answer.Error)}
	}
	return answer, errors.New(answer.Error)
}

// mostAnswered bounds an answer, in bytes: a policy is a part of one.
const mostAnswered = 4 << 20

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// firstOf is the first part of a value that is separated by commas.
func firstOf(value string) string {
	first, _, _ := strings.Cut(value, ",")
	return strings.TrimSpace(first)
}
