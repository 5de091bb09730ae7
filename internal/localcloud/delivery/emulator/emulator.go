// Package emulator finds and starts Google's Pub/Sub emulator for tests, which
// then run against an implementation that nobody here wrote.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/freeport"
)

// ErrMissing says that there is no emulator to start; its text says what was
// looked for.
var ErrMissing = errors.New("no Pub/Sub emulator here")

// startTimeout is generous: it takes about a second on an idle machine.
const startTimeout = 60 * time.Second

// Emulator is a running emulator.
type Emulator struct {
	Host string // host:port, for REST and gRPC alike
	stop func() error
}

// Use returns the emulator at the given host (PUBSUB_EMULATOR_HOST), or starts
// the one of the installed Cloud SDK when host is "". The caller stops it.
// ErrMissing: there is none, so tests that want it skip.
func Use(host string) (*Emulator, error) {
	if host != "" {
		return &Emulator{Host: host, stop: func() error { return nil }}, nil
	}
	binary, err := find()
	if err != nil {
		return nil, err
	}
	return start(binary)
}

// Stop ends an emulator that Use started, and waits for it.
func (e *Emulator) Stop() error { return e.stop() }

func find() (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("%w: java is not installed", ErrMissing)
	}
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		return "", fmt.Errorf("%w: gcloud is not installed", ErrMissing)
	}
	root, err := exec.Command(gcloud, "info", "--format=value(installation.sdk_root)").Output()
	if err != nil {
		return "", fmt.Errorf("%w: gcloud does not say where it is installed: %w", ErrMissing, err)
	}
	binary := filepath.Join(strings.TrimSpace(string(root)), "platform", "pubsub-emulator", "bin", "cloud-pubsub-emulator")
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("%w: the component pubsub-emulator of gcloud is not installed", ErrMissing)
	}
	return binary, nil
}

// start runs the emulator itself, not `gcloud beta emulators`, which leaves
// its Java process behind when it is stopped.
func start(binary string) (*Emulator, error) {
	host, release, err := freeport.Take()
	if err != nil {
		return nil, fmt.Errorf("finding a port for the emulator: %w", err)
	}
	command := exec.Command(binary, "--host=127.0.0.1", "--port="+host[strings.LastIndex(host, ":")+1:])
	if err := command.Start(); err != nil {
		release()
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	stop := func() error {
		defer release()
		if err := command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stopping the emulator: %w", err)
		}
		<-ended
		return nil
	}
	if err := await(host, ended); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", binary, err), stop())
	}
	return &Emulator{Host: host, stop: stop}, nil
}

// await returns when the emulator takes connections.
func await(host string, ended chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var dialer net.Dialer
	for {
		connection, err := dialer.DialContext(ctx, "tcp", host)
		if err == nil {
			return connection.Close()
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("it ended at once: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("it takes no connections after %s", startTimeout)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
