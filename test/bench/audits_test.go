package bench

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/iapguard/iapguard/test/binary"
)

// audit is what one audit of a whole program took.
type audit struct {
	services, projects int
	indexed            bool // by Cloud Asset Inventory
	seconds, first     float64
	calls              float64 // for one service
	peak               float64 // MiB
}

// auditLine is what an audit of test/scale prints of itself.
var auditLine = regexp.MustCompile(
	`audit (?:by the inventory )?of (\d+) services in (\d+) projects\s+(\S+), the first after (\S+); (\S+) calls for a service; (\S+) MiB`)

// audits runs the audits of test/scale, each in a local cloud of its own that answers each call after
// 30 ms, and reads what they print.
func audits(t *testing.T, each ...audit) (found []audit) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "scale.test")
	if out, err := exec.Command("go", "test", "-c", "-o", program, "../scale").CombinedOutput(); err != nil {
		t.Fatalf("building test/scale: %v\n%s", err, out)
	}
	for _, one := range each {
		command := exec.Command(program, "-test.run=AuditOf", "-test.v", "-test.timeout=10m", "-audit-latency=30ms",
			fmt.Sprint("-audit-inventory=", one.indexed), fmt.Sprint("-audit-projects=", one.projects), fmt.Sprint("-audit-services=", one.services/one.projects))
		command.Dir = filepath.Join("..", "scale")
		command.Env = append(command.Environ(), binary.CommandVariable+"="+binary.Command(t))
		out, err := command.CombinedOutput()
		matches := auditLine.FindAllSubmatch(out, -1)
		if err != nil || matches == nil {
			t.Fatalf("the audit of %d services: %v\n%s", one.services, err, out)
		}
		match := matches[len(matches)-1] // the audit by the inventory comes second
		one.seconds, one.first = seconds(t, match[3]), seconds(t, match[4])
		if one.calls, err = strconv.ParseFloat(string(match[5]), 64); err != nil {
			t.Fatal(err)
		}
		if one.peak, err = strconv.ParseFloat(string(match[6]), 64); err != nil {
			t.Fatal(err)
		}
		found = append(found, one)
	}
	return found
}

func seconds(t *testing.T, text []byte) float64 {
	t.Helper()
	read, err := time.ParseDuration(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return read.Seconds()
}
