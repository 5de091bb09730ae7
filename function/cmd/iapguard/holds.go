package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/secret"
	"github.com/iapguard/iapguard/internal/policy"
)

// holdsFlag says where the holds are that a command works on.
type holdsFlag struct {
	name, endpoint string
	stderr         func() io.Writer
}

func (h *holdsFlag) add(command *cobra.Command) {
	h.stderr = command.ErrOrStderr
	command.Flags().StringVar(&h.name, "holds", "",
		"holds file, or the secret with it: projects/P/secrets/S (default: $IAPGUARD_HOLDS)")
	if command.Flags().Lookup("endpoint") == nil {
		command.Flags().StringVar(&h.endpoint, "endpoint", "",
			"base URL of all Google APIs (default: $IAPGUARD_ENDPOINT, else Google's own)")
	}
}

// path returns the name, from the environment where no flag names it.
func (h *holdsFlag) path() string { return cmp.Or(h.name, os.Getenv("IAPGUARD_HOLDS")) }

// open returns the store that is named.
func (h *holdsFlag) open(ctx context.Context) (holdsStore, error) {
	name := h.path()
	switch {
	case name == "":
		return nil, usageError{errors.New("no deployment and no holds file is named: write iapguard context use " +
			"projects/PROJECT/locations/LOCATION/services/SERVICE; or write --holds FILE or --holds projects/P/secrets/S")}
	case !holdsSecret.MatchString(name):
		return holdsFile(name), nil
	}
	config, err := function.ReadConfig(cliEnvironment())
	if err != nil {
		return nil, usageError{err}
	}
	if h.endpoint != "" {
		config.Connect.Endpoint, config.Connect.Endpoints = h.endpoint, nil
	}
	return openHolds(ctx, name, config.Connect)
}

// inForce are the holds of the file and those that commands placed, as far as they are named.
// unread is why some of them are not known.
func (h *holdsFlag) inForce(ctx context.Context) (holds policy.Holds, unread, err error) {
	if h.path() != "" {
		store, err := h.open(ctx)
		if err != nil {
			return holds, nil, err
		}
		holds, unread = store.read(ctx)
	}
	if os.Getenv("IAPGUARD_MEMORY") == "" {
		return holds, unread, nil
	}
	session, err := (&options{format: "text", endpoint: h.endpoint, stderr: h.stderr}).open(ctx, nil)
	if err != nil {
		return holds, errors.Join(unread, err), nil
	}
	placed, unplaced := session.placed.Current(ctx)
	return holds.And(placed), errors.Join(unread, unplaced), nil
}

// holdsStore stores holds.
type holdsStore interface {
	read(ctx context.Context) (policy.Holds, error)
	change(ctx context.Context, change func(policy.Holds) (policy.Holds, error)) error
}

// holdsSecret is the name of a secret. A file of that name needs ./ before it.
var holdsSecret = regexp.MustCompile(`^projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}$`)

func openHolds(ctx context.Context, name string, config connect.Config) (holdsStore, error) {
	if !holdsSecret.MatchString(name) {
		return holdsFile(name), nil
	}
	secrets, err := secret.New(ctx, config)
	if err != nil {
		return nil, err
	}
	return &holdsInSecret{secrets, name}, nil
}

type holdsFile string

func (f holdsFile) read(context.Context) (policy.Holds, error) { return policy.ReadHolds(string(f)) }

func (f holdsFile) change(_ context.Context, change func(policy.Holds) (policy.Holds, error)) error {
	return policy.ChangeHolds(string(f), time.Now(), change)
}

// holdsInSecret stores holds in the latest version of a secret, which the function
// has mounted.
type holdsInSecret struct {
	secrets *secret.Client
	name    string
}

func (s *holdsInSecret) read(ctx context.Context) (policy.Holds, error) {
	text, _, err := s.secrets.Latest(ctx, s.name)
	if err != nil {
		return policy.Holds{}, err
	}
	return policy.ParseHolds(text)
}

func (s *holdsInSecret) change(ctx context.Context, change func(policy.Holds) (policy.Holds, error)) error {
	return s.secrets.Change(ctx, s.name, func(text []byte) ([]byte, error) {
		return policy.EditHolds(text, time.Now(), change)
	})
}
