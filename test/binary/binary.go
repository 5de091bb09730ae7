// Package binary gives iapguard as a program to tests that run it in a process
// of its own.
//
// Linking takes seconds, and several packages need the same program. A script
// that tests them all (.ci/run) builds each form once and names it in the
// environment; otherwise each package builds what it needs. GOFLAGS applies.
package binary

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// The variables that name a program that is built already.
const (
	CommandVariable  = "TEST_IAPGUARD_COMMAND"
	DeployedVariable = "TEST_IAPGUARD_DEPLOYED"
)

// program is the package that is built.
const program = "github.com/iapguard/iapguard/function/cmd/iapguard"

var (
	command  = sync.OnceValues(func() (string, error) { return provide(CommandVariable) })
	deployed = sync.OnceValues(func() (string, error) { return provide(DeployedVariable, "-tags=deployed") })

	mu      sync.Mutex
	folders []string // of what was built here
)

// Command returns the path of the program for a desk, which has the command
// local. The first call builds it; a failure ends the test.
func Command(t testing.TB) string {
	t.Helper()
	return need(t, command)
}

// Deployed returns the path of the program as the image has it. The first call
// builds it; a failure ends the test.
func Deployed(t testing.TB) string {
	t.Helper()
	return need(t, deployed)
}

func need(t testing.TB, provided func() (string, error)) string {
	t.Helper()
	path, err := provided()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Main runs the tests of a package, removes the programs that they built, does what
// else ends with the tests, and exits. It is for TestMain.
func Main(m *testing.M, ends ...func() error) {
	code := m.Run()
	err := remove()
	for _, end := range ends {
		err = errors.Join(err, end())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func provide(variable string, flags ...string) (string, error) {
	if path := os.Getenv(variable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("using the program that %s names: %w", variable, err)
		}
		return path, nil
	}
	folder, err := os.MkdirTemp("", "iapguard")
	if err != nil {
		return "", fmt.Errorf("building iapguard: %w", err)
	}
	mu.Lock()
	folders = append(folders, folder)
	mu.Unlock()
	path := filepath.Join(folder, "iapguard")
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, program)...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building iapguard: %w\n%s", err, out)
	}
	return path, nil
}

func remove() error {
	mu.Lock()
	defer mu.Unlock()
	var problems []error
	for _, folder := range folders {
		problems = append(problems, os.RemoveAll(folder))
	}
	return errors.Join(problems...)
}
