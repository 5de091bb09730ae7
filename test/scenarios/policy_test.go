package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/report"
)

// dated is a day that a story names by how far ahead it is, since a policy
// refuses days that are too far from the one on which the story is played.
var dated = regexp.MustCompile(`\{(-?\d+) days\}`)

// dates writes real days for those that a text names.
func (p *play) dates(text []byte) []byte {
	return dated.ReplaceAllFunc(text, func(name []byte) []byte {
		days, err := strconv.Atoi(string(dated.FindSubmatch(name)[1]))
		if err != nil {
			p.t.Fatal(err)
		}
		day := time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly)
		p.days = append(p.days, day, string(name))
		return []byte(day)
	})
}

// undated is a seen text with such days, and with files, as the story names them.
func (p *play) undated(lines []string) []string {
	days := strings.NewReplacer(slices.Concat(p.days, []string{p.folder + "/", ""})...)
	for i := range lines {
		lines[i] = days.Replace(lines[i])
	}
	return lines
}

// keepFile writes a file of the story, and gives its path; nil = no file.
func (p *play) keepFile(name string, text []byte) (string, error) {
	if text == nil {
		return "", nil
	}
	path := filepath.Join(p.folder, name)
	return path, os.WriteFile(path, p.dates(text), 0o600)
}

// forges writes forged.json: the last report on a service, as everybody has it who reads the
// topic, with a step of somebody's own.
func (p *play) forges(args, block []string) error {
	reports := p.about(strings.Join(args, ""), false)
	if len(reports) == 0 {
		return fmt.Errorf("nothing was reported that could be forged")
	}
	forged := reports[len(reports)-1]
	forged.Outcome, forged.Steps = report.Protected, nil
	for _, line := range block {
		var step report.Step
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			return err
		}
		forged.Steps = append(forged.Steps, step)
	}
	text, err := json.Marshal(forged)
	if err != nil {
		return err
	}
	_, err = p.keepFile("forged.json", text)
	return err
}

// changesPolicy lets somebody write another policy, readable or not.
func (p *play) changesPolicy(_, block []string) error {
	_, err := p.keepFile("policy.yaml", []byte(strings.Join(block, "\n")+"\n"))
	return err
}

// approvesPolicy lets an approver say that the version of the policy comes into force that
// waits.
func (p *play) approvesPolicy() error {
	remembered := memory.New(p.config.Store, memory.Options{Clock: p.clock})
	known, err := remembered.Deployment(p.ctx)
	if err != nil {
		return err
	}
	if known.Waiting == nil || len(known.Waiting.Approvers) == 0 {
		return fmt.Errorf("no version waits for somebody: %+v", known.Waiting)
	}
	_, err = remembered.UpdateDeployment(p.ctx, func(d *memory.Deployment) bool {
		return d.ApprovePolicy(known.Waiting.Digest, known.Waiting.Approvers[0], p.clock.Now())
	})
	return err
}

// changesHolds lets somebody write another holds file, readable or not.
func (p *play) changesHolds(_, block []string) error {
	_, err := p.keepFile("holds.yaml", []byte(strings.Join(block, "\n")+"\n"))
	return err
}

// loses takes away every message that was not delivered yet.
func (p *play) loses(_, _ []string) error {
	p.playground.Cloud.Settle()
	if err := p.playground.Broker.Idle(p.ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mail = nil
	return nil
}
