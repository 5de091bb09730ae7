// Package secret reads and adds versions of secrets in Secret Manager.
package secret

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	secretmanager "google.golang.org/api/secretmanager/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// Client talks to Secret Manager.
type Client struct {
	secrets *secretmanager.ProjectsSecretsService
}

// New connects to the API.
func New(ctx context.Context, config connect.Config) (*Client, error) {
	options, err := config.Options(ctx, connect.SecretManager)
	if err != nil {
		return nil, err
	}
	api, err := secretmanager.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Secret Manager: %w", err)
	}
	api.UserAgent = config.UserAgent
	return &Client{api.Projects.Secrets}, nil
}

// Permissions that reading and adding a version need.
// Source: secret-manager/docs/reference/rest/v1/projects.secrets.
const (
	permissionAccess = "secretmanager.versions.access"
	permissionAdd    = "secretmanager.versions.add"
)

// Value is what a secret holds. It prints as nothing that could be used.
type Value struct{ text string }

// hidden stands for a secret wherever one would be printed.
const hidden = "[secret]"

// String hides the value from printing.
func (v Value) String() string { return hidden }

// GoString is String.
func (v Value) GoString() string { return hidden }

// MarshalText is String, for logs and JSON.
func (v Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Reveal returns the value itself, to be sent where it belongs.
func (v Value) Reveal() string { return v.text }

// Redact keeps an error's kind and takes the value out of its words: APIs
// repeat what they refuse.
func (v Value) Redact(err error) error {
	if err == nil || !strings.Contains(err.Error(), v.text) {
		return err
	}
	clean := *fault.Of(err)
	clean.Err = errors.New(strings.ReplaceAll(err.Error(), v.text, hidden))
	clean.Remedy = strings.ReplaceAll(clean.Remedy, v.text, hidden)
	return &clean
}

// Access reads one version, projects/P/secrets/S/versions/N or latest, as one
// line of text. That there is no such version, or nothing in it, is
// fault.Invalid: it does not pass by itself.
func (c *Client) Access(ctx context.Context, version string) (Value, error) {
	data, _, err := c.access(ctx, version)
	if fault.Of(err).Kind == fault.NotFound {
		remedy := "add a version: " + command.AddSecretVersion(version).String()
		err = &fault.Error{Kind: fault.Invalid, Err: err, Remedy: remedy}
	}
	text := strings.TrimSpace(string(data)) // echo adds a line's end
	switch {
	case err != nil:
		return Value{}, err
	case text == "" || strings.ContainsAny(text, "\r\n"):
		return Value{}, fault.New(fault.Invalid, "reading secret %q: it holds no line of text, or more than one", version)
	}
	return Value{text}, nil
}

// Latest reads the latest version of projects/P/secrets/S, and its number.
// fault.NotFound means that the secret has none, or is not there.
func (c *Client) Latest(ctx context.Context, name string) (data []byte, number int, err error) {
	return c.access(ctx, name+"/versions/latest")
}

// Version reads a version by its number.
func (c *Client) Version(ctx context.Context, name string, number int) ([]byte, error) {
	data, _, err := c.access(ctx, name+"/versions/"+strconv.Itoa(number))
	return data, err
}

// castagnoli is the checksum that Secret Manager keeps.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c *Client) access(ctx context.Context, version string) ([]byte, int, error) {
	answer, err := c.secrets.Versions.Access(version).Context(ctx).Do()
	if err != nil {
		return nil, 0, fmt.Errorf("reading secret %q: %w", version, connect.Needing(permissionAccess, err))
	}
	if answer.Payload == nil {
		return nil, 0, fault.New(fault.Unavailable, "reading secret %q: the answer holds nothing", version)
	}
	data, err := base64.StdEncoding.DecodeString(answer.Payload.Data)
	if sum := answer.Payload.DataCrc32c; err != nil || sum != 0 && uint32(sum) != crc32.Checksum(data, castagnoli) {
		return nil, 0, fault.New(fault.Unavailable, "reading secret %q: the answer was damaged on its way", version)
	}
	return data, numberOf(answer.Name), nil
}

// Add adds a version to projects/P/secrets/S and gives its number. Versions are
// numbered in the order in which they are added.
func (c *Client) Add(ctx context.Context, name string, data []byte) (int, error) {
	request := &secretmanager.AddSecretVersionRequest{Payload: &secretmanager.SecretPayload{
		Data: base64.StdEncoding.EncodeToString(data), DataCrc32c: int64(crc32.Checksum(data, castagnoli)),
	}}
	made, err := c.secrets.AddVersion(name, request).Context(ctx).Do()
	if err != nil {
		return 0, fmt.Errorf("adding a version to secret %q: %w", name, connect.Needing(permissionAdd, err))
	}
	return numberOf(made.Name), nil
}

// numberOf is the last segment of a version's name, 0 when it is not a number.
func numberOf(version string) int {
	number, err := strconv.Atoi(version[strings.LastIndex(version, "/")+1:])
	if err != nil {
		return 0
	}
	return number
}
