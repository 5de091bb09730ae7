package release

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/iapguard/iapguard/test/binary"
)

const (
	module  = "github.com/iapguard/iapguard"
	program = module + "/function/cmd/iapguard"
)

func TestMain(m *testing.M) { binary.Main(m) }

// forRelease skips a test that takes minutes, unless somebody releases.
func forRelease(t *testing.T) {
	t.Helper()
	if os.Getenv("TEST_RELEASE") == "" {
		t.Skip("skipped: it takes minutes; set TEST_RELEASE=1, as .github/workflows/release.yaml does")
	}
}

var top = sync.OnceValues(func() (string, error) { return filepath.Abs(filepath.Join("..", "..")) })

// root is the repository's folder.
func root(t *testing.T) string {
	t.Helper()
	folder, err := top()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// in is where a program runs, and what its environment has beside ours.
type in struct {
	folder      string
	environment []string
}

// run returns what a program prints, and ends the test where it fails.
func run(t *testing.T, where in, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir, command.Env = where.folder, append(os.Environ(), where.environment...)
	var failed strings.Builder
	command.Stderr = &failed
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, failed.String())
	}
	return strings.TrimSpace(string(out))
}

// head is the commit that is checked out when the first test asks: a test of many minutes may
// outlive that.
var head = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("git", "rev-parse", "HEAD").Output()
	return strings.TrimSpace(string(out)), err
})

// commit is the commit that is tested. A source that came without its history has none: the test
// is skipped.
func commit(t *testing.T) string {
	t.Helper()
	name, err := head()
	if err != nil {
		t.Skipf("skipped: this source has no commit: %v", err)
	}
	return name
}

// clone is a clone of the commit in a folder of that name.
func clone(t *testing.T, name string) string {
	t.Helper()
	commit(t)
	folder := filepath.Join(t.TempDir(), name)
	run(t, in{}, "git", "clone", "--quiet", "--shared", "--no-tags", root(t), folder)
	run(t, in{folder: folder}, "git", "checkout", "--quiet", "--detach", commit(t))
	return folder
}

// made is what a program says of its build.
type made struct {
	Version, Module, Commit, Committed string
	Modified                           bool
}

func madeOf(ctx context.Context, t *testing.T, path string) (said made) {
	t.Helper()
	out, err := exec.CommandContext(ctx, path, "version", "-o", "json").Output()
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if err != nil {
		t.Fatalf("%s version: %v, %q", path, err, out)
	}
	return said
}
