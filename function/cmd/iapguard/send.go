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
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// sending is how a command is sent to the deployed function.
type sending struct {
	context, as, url, endpoint string
}

func (s *sending) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&s.context, "context", "",
		"the deployed function: projects/P/locations/L/services/S (default: see iapguard context)")
	flags.StringVar(&s.as, "as", "",
		"e-mail address of the service account to send as, which you may impersonate (default: the first that the function names)")
	flags.StringVar(&s.url, "url", "", "where the function is reached (default: its own address)")
	flags.StringVar(&s.endpoint, "endpoint", "",
		"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
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

// sendPatience is how long the function may take: as long as one request to it may.
const sendPatience = 10 * time.Minute

// send posts one command, and prints what the function says.
func (s *sending) send(ctx context.Context, body map[string]any, out io.Writer) error {
	found, err := findContext(s.context)
	if err != nil {
		return err
	}
	config, err := function.ReadConfig(cliEnvironment())
	if err != nil {
		return usageError{err}
	}
	if s.endpoint != "" {
		config.Connect.Endpoint, config.Connect.Endpoints = s.endpoint, nil
	}
	if err := config.Connect.Check(); err != nil {
		return usageError{err}
	}
	clients, err := cloud.Connect(ctx, config.Connect, time.Now)
	if err != nil {
		return err
	}
	variables, urls, err := clients.Variables(ctx, found.target)
	if err != nil {
		return fmt.Errorf("finding %s (%s): %w", found.target.Name(), found.from, err)
	}
	if len(urls) == 0 {
		return fmt.Errorf("%s has no address: is it deployed?", found.target.Name())
	}
	as := cmp.Or(s.as, firstOf(variables["IAPGUARD_OPERATORS"]))
	if as == "" {
		return usageError{errors.New("the function names no account to send as (IAPGUARD_OPERATORS): write --as EMAIL")}
	}
	fmt.Fprintf(os.Stderr, "iapguard: %s (%s), as %s\n", found.target.Name(), found.from, as)
	impersonator, audience := connect.NewImpersonator(config.Connect), cmp.Or(firstOf(variables["IAPGUARD_AUDIENCE"]), urls[0])
	for again := true; ; again = false {
		token, err := impersonator.IdentityToken(ctx, as, audience)
		if err != nil {
			return err
		}
		request, err := s.request(ctx, urls[0], body)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := (&http.Client{Timeout: sendPatience}).Do(request)
		if err != nil {
			return fmt.Errorf("sending the command: %w", err)
		}
		err = said(response, out)
		_ = response.Body.Close() // it was read
		if !again || !errors.Is(err, errUsed) {
			return err
		}
		select { // tokens of one second are the same
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errUsed means that the token was used for a command before.
var errUsed = errors.New("the token was used before")

// request is the command for the function at its address, or where the user says it is
// reached.
func (s *sending) request(ctx context.Context, address string, body map[string]any) (*http.Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("writing the command: %w", err)
	}
	at, err := url.Parse(cmp.Or(s.url, address))
	switch {
	case err != nil || at.Host == "":
		return nil, usageError{fmt.Errorf("--url is %q: write https://HOST", s.url)}
	case at.Scheme != "https" && !isLoopback(at.Hostname()):
		return nil, usageError{fmt.Errorf("--url is %q: the token goes over https alone", s.url)}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(at.String(), "/")+function.CommandsPath,
		bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("writing the command: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if own, err := url.Parse(address); err == nil && isLoopback(at.Hostname()) {
		request.Host = own.Host // a local cloud, or a tunnel
	}
	return request, nil
}

// said prints the function's answer. Its error is the function's.
func said(response *http.Response, out io.Writer) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	var answer function.Answer
	if err := json.Unmarshal(text, &answer); err != nil || answer.Command == "" && answer.Error == "" {
		err := fmt.Errorf("the function answered %s: %.500s", response.Status, strings.TrimSpace(string(text)))
		if response.StatusCode == http.StatusUnauthorized && strings.Contains(string(text), function.TokenUsed) {
			err = fmt.Errorf("%w: %w", errUsed, err)
		}
		return err
	}
	for _, line := range answer.Said {
		fmt.Fprintln(out, line)
	}
	switch {
	case answer.Error == "":
		return nil
	case response.StatusCode == http.StatusBadRequest:
		return usageError{errors.New(answer.Error)}
	}
	return errors.New(answer.Error)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// firstOf is the first part of a value that is separated by commas.
func firstOf(value string) string {
	first, _, _ := strings.Cut(value, ",")
	return strings.TrimSpace(first)
}
