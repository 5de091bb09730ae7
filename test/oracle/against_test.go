package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/iapguard/iapguard/test/oracle/judge"
)

var against = flag.String("against", "",
	"the iapguard program whose audit is judged; \"\" = that of this module, in process")

// program is another version of iapguard, which audits over HTTP.
type program struct{ path, endpoint, policy string }

// newProgram serves a world's APIs to the program of the flag -against, nil = there is none.
func newProgram(t *testing.T, w *world) *program {
	t.Helper()
	if *against == "" {
		return nil
	}
	server := httptest.NewServer(w.API)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return &program{*against, server.URL, file}
}

// audit runs the program. That a service is exposed was yes or no in reports before it
// could be unknown.
func (p *program) audit(ctx context.Context) ([]judge.Report, error) {
	command := exec.CommandContext(ctx, p.path, "audit", "projects/demo-project", "--format", "json",
		"--policy", p.policy, "--endpoint", p.endpoint)
	text, err := command.Output()
	var found struct {
		Services []struct {
			judge.Report
			Exposed any `json:"exposed"`
		}
	}
	if decoding := json.Unmarshal(text, &found); decoding != nil {
		return nil, fmt.Errorf("reading what %s audit prints: %w", p.path, errors.Join(decoding, err))
	}
	var reports []judge.Report
	for _, one := range found.Services {
		switch one.Exposed {
		case true:
			one.Report.Exposed = "yes"
		case false:
			one.Report.Exposed = "no"
		default:
			one.Report.Exposed = fmt.Sprint(one.Exposed)
		}
		reports = append(reports, one.Report)
	}
	return reports, nil
}
