package gcloud

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var full = flag.Bool("full", false, "type every command of testdata, also those after [!full] stop")

// TestCommands types the scripts of testdata, each against a local cloud of its own.
// In a script, gcloud is --quiet and may not crash; what it prints is checked with
// stdout and stderr, and ! before it says that it is refused. "service NAME REGION" makes
// a service without gcloud, where it is not what the script is about.
func TestCommands(t *testing.T) {
	if _, err := exec.LookPath("gcloud"); err != nil {
		t.Skip("skipped: gcloud is not installed here")
	}
	var typed atomic.Int32
	t.Run("scripts", func(t *testing.T) {
		scripts, err := filepath.Glob("testdata/*.txtar")
		if err != nil || len(scripts) == 0 {
			t.Fatalf("%d scripts, %v", len(scripts), err)
		}
		for _, script := range scripts {
			text, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			if _, commands, _ := strings.Cut(string(text), "\n"); strings.HasPrefix(commands, "[!full] stop") && !*full {
				continue // what other tests type is in it
			}
			t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
				l := start(t, "--cloud-only")
				testscript.Run(t, testscript.Params{
					Files: []string{script}, RequireExplicitExec: true, RequireUniqueNames: true,
					Condition: func(name string) (bool, error) { return name == "full" && *full, nil },
					Setup: func(e *testscript.Env) error {
						e.Vars = append(e.Vars, l.env...)
						return nil
					},
					Cmds: map[string]func(*testscript.TestScript, bool, []string){
						"service":    func(_ *testscript.TestScript, _ bool, args []string) { l.haveService(args[0], args[1]) },
						"workerpool": func(_ *testscript.TestScript, _ bool, args []string) { l.haveWorkerPool(args[0], args[1]) },
						"gcloud": func(ts *testscript.TestScript, refused bool, args []string) {
							typed.Add(1)
							err := ts.Exec("gcloud", append([]string{"--quiet"}, args...)...)
							switch {
							case strings.Contains(ts.ReadFile("stderr"), "gcloud crashed"):
								ts.Fatalf("gcloud crashed")
							case err == nil && refused:
								ts.Fatalf("gcloud was not refused")
							case err != nil && !refused:
								ts.Fatalf("gcloud failed: %v", err)
							}
						},
					},
				})
			})
		}
	})
	t.Logf("gcloud: %d commands typed", typed.Load())
}
