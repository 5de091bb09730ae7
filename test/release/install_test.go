package release

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	xmodule "golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/iapguard/iapguard/function"
)

// proxied is the commit as a proxy of Go modules has it.
type proxied struct {
	folder, commit string
	at             time.Time // of the commit
	versions       []string  // by the commit, and by the tag that a release gives it
}

// proxy makes a proxy in the file system. Source: go.dev/ref/mod, "GOPROXY protocol".
func proxy(t *testing.T) proxied {
	t.Helper()
	made := proxied{folder: t.TempDir(), commit: commit(t)}
	from := in{folder: root(t)}
	var err error
	committed := run(t, from, "git", "show", "-s", "--format=%cI", made.commit)
	if made.at, err = time.Parse(time.RFC3339, committed); err != nil {
		t.Fatal(err)
	}
	made.at = made.at.UTC()
	made.versions = []string{xmodule.PseudoVersion("", "", made.at, made.commit[:12]), "v" + function.Version}
	folder := filepath.Join(made.folder, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, version := range made.versions {
		file, err := os.Create(filepath.Join(folder, version+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		this := xmodule.Version{Path: module, Version: version}
		if err := zip.CreateFromVCS(file, this, from.folder, made.commit, ""); err != nil {
			t.Fatalf("the commit is not a module that a proxy takes: %v", err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			version + ".mod":  run(t, from, "git", "show", made.commit+":go.mod") + "\n",
			version + ".info": fmt.Sprintf(`{"Version": %q, "Time": %q}`, version, made.at.Format(time.RFC3339)),
			"list":            "v" + function.Version + "\n",
		} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return made
}

// environment has the go command ask this proxy, then others, and keep what it gets in a cache of
// its own.
func (p proxied) environment(t *testing.T, others string) []string {
	return []string{"GOPROXY=file://" + filepath.ToSlash(p.folder) + "," + others,
		"GOMODCACHE=" + filepath.Join(t.TempDir(), "mod"), "GOSUMDB=off", "GOFLAGS=-modcacherw -trimpath", "GOWORK=off", "GOTOOLCHAIN=local"}
}

// What go install builds is what a proxy makes of the commit: a file that is embedded, but not
// in the module's archive, would be missing.
func TestTheModulesArchiveHasAllThatIsBuilt(t *testing.T) {
	made := proxy(t)
	for _, version := range made.versions {
		out := run(t, in{t.TempDir(), made.environment(t, "off")}, "go", "mod", "download", "-json", module+"@"+version)
		folder := ""
		for line := range strings.Lines(out) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), `"Dir": "`); ok {
				folder = strings.TrimSuffix(value, `",`)
			}
		}
		where := in{folder, []string{"GOFLAGS=-mod=readonly", "GOPROXY=off"}}
		packages := run(t, where, "go", "list", "-deps", "./function/cmd/iapguard")
		if count := strings.Count(packages, module); count < 50 {
			t.Errorf("%s has only %d packages of ours: %s", version, count, packages)
		}
	}
}

func TestItIsInstalledByTheNameOfItsModule(t *testing.T) {
	forRelease(t)
	cache := run(t, in{folder: root(t)}, "go", "env", "GOMODCACHE")
	run(t, in{folder: root(t)}, "go", "mod", "download")
	proxied := proxy(t)
	for _, version := range proxied.versions {
		programs := t.TempDir()
		others := "file://" + filepath.ToSlash(filepath.Join(cache, "cache", "download"))
		environment := proxied.environment(t, others)
		run(t, in{t.TempDir(), append(environment, "GOBIN="+programs)}, "go", "install", program+"@"+version)
		want := made{Version: function.Version, Module: version}
		if xmodule.IsPseudoVersion(version) {
			want.Commit, want.Committed = proxied.commit[:12], proxied.at.Format(time.RFC3339)
		}
		if got := madeOf(t.Context(), t, filepath.Join(programs, "iapguard")); got != want {
			t.Errorf("go install %s@%s: it says %+v, want %+v", program, version, got, want)
		}
	}
}
