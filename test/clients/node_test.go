package clients

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// installLimit is how long npm may take to install the clients.
const installLimit = 4 * time.Minute

// TestGooglesNodeClients runs each script of node against a local cloud of its own.
func TestGooglesNodeClients(t *testing.T) {
	modules := install(t)
	scripts, err := filepath.Glob("node/*.mjs")
	if err != nil || len(scripts) < 2 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(script)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, script := range scripts {
		name := filepath.Base(script)
		if name == "cloud.mjs" { // the part that the others import
			continue
		}
		t.Run(strings.TrimSuffix(name, ".mjs"), func(t *testing.T) {
			cloud := cloudtest.Start(t, playground.Options{Bare: true})
			ctx, cancel := context.WithTimeout(t.Context(), cloudtest.Patience)
			defer cancel()
			command := exec.CommandContext(ctx, "node", filepath.Join(dir, name), cloud.URL())
			if out, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// install returns the folder of the modules that the lock file names. They are
// installed once for each lock file, in the user's cache.
func install(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: %s is not installed here", program)
		}
	}
	lock, err := os.ReadFile("node/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(lock), `"resolved"`) {
		t.Fatal("package-lock.json names a registry: npm install with --omit-lockfile-registry-resolved")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("skipped: there is no folder for the modules: %v", err)
	}
	cache = filepath.Join(cache, "iapguard-clients")
	made := filepath.Join(cache, fmt.Sprintf("%x", sha256.Sum256(lock)))
	modules := filepath.Join(made, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	// It is made beside its place and moved there, so that it is whole or not there.
	fresh, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("node", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(fresh, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), installLimit)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
	command.Dir = fresh
	if out, err := command.CombinedOutput(); err != nil {
		if unreachable(string(out)) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Skipf("skipped: npm's registry cannot be reached from here: %v\n%s", err, out)
		}
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.Rename(fresh, made); err != nil {
		if _, stat := os.Stat(modules); stat != nil {
			t.Fatal(err)
		}
	}
	return modules
}

// unreachable reports whether npm failed because of the network.
func unreachable(said string) bool {
	for _, code := range []string{"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH",
		"E401", "E403", "E407", "E5"} {
		if strings.Contains(said, "code "+code) {
			return true
		}
	}
	return false
}
