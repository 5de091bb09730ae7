package scenarios

import (
	"fmt"
	"net/http"
	"strings"
)

// usCentralPath is where the services of us-central1 are in the API.
const usCentralPath = "/v2/" + usCentralServices

// reads lets a tool read who may invoke a service. It keeps what it read until it writes.
func (p *play) reads(args, _ []string) error {
	if len(args) != 1 {
		return fmt.Errorf("write read SERVICE")
	}
	p.read = p.call(http.MethodGet, usCentralPath+args[0]+":getIamPolicy?options.requestedPolicyVersion=3", nil)
	return nil
}

// allows lets the tool write what it read with allUsers added, at the version that it read.
func (p *play) allows(args, _ []string) error {
	if len(args) != 1 || p.read == nil {
		return fmt.Errorf("write read SERVICE, and later allow SERVICE")
	}
	bindings, _ := p.read["bindings"].([]any)
	p.read["bindings"] = append(bindings, map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}})
	p.call(http.MethodPost, usCentralPath+args[0]+":setIamPolicy", map[string]any{"policy": p.read})
	p.read = nil
	return nil
}

// entrySize is how large an annotation of a flood is: audit entries have 100 kB, and more
// with what stands beside it.
const entrySize = 100_000

// floods changes a service so often, each time with an audit log entry of 100 kB.
func (p *play) floods(args, _ []string) error {
	var times int
	if len(args) != 3 || args[2] != "times" {
		return fmt.Errorf("write flood SERVICE N times")
	}
	if _, err := fmt.Sscan(args[1], &times); err != nil {
		return err
	}
	for i := range times {
		p.call(http.MethodPatch, usCentralPath+args[0]+"?updateMask=annotations", map[string]any{
			"annotations": map[string]any{"note": fmt.Sprint(i) + strings.Repeat("x", entrySize)}})
	}
	return nil
}

// spent is what the function's calls came to.
type spent struct{ calls, bytes int }

// What a look at a service may cost: P5's calls, and what stories call little of answers. A
// question to the log may be answered with 1 MiB, and the rest is small.
const (
	mostCalls = 64
	mostBytes = 2 << 20
)

// costs shows what the function's calls came to since the last look, as far as it is too much.
func (p *play) costs([]string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.spent
	p.spent = spent{}
	lines := []string{fmt.Sprintf("at most %d calls", mostCalls), "answers of at most 2 MiB"}
	if seen.calls > mostCalls {
		lines[0] = fmt.Sprintf("%d calls", seen.calls)
	}
	if seen.bytes > mostBytes {
		lines[1] = fmt.Sprintf("answers of %d MiB", seen.bytes>>20)
	}
	return lines, nil
}
