package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/report"
)

// parseJobs reads the arguments: one plan file, or targets.
func parseJobs(args []string) (reviewed []*job, scopes []posture.Scope, err error) {
	if len(args) == 1 && !strings.HasPrefix(args[0], "projects/") {
		reviewed, err = readPlan(args[0])
		return reviewed, nil, err
	}
	scopes, err = parseScopes(args)
	return nil, scopes, err
}

// readPlan reads what plan -o wrote. It refuses a file with a plan that was
// changed since: the id of a plan is a hash of its steps and observed versions.
func readPlan(name string) ([]*job, error) {
	if posture.AboveProject(name) {
		return nil, usageError{fmt.Errorf("%s: apply changes the services of projects: name projects/PROJECT, or have the "+
			"function act with iapguard send", name)}
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("reading plan: %w (targets begin with projects/)", err)}
	}
	defer file.Close()
	var jobs []*job
	decoder := json.NewDecoder(bufio.NewReader(file))
	decoder.DisallowUnknownFields()
	for {
		var r report.Report
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, usageError{fmt.Errorf("reading plan %s: entry %d is not a plan: %w", name, len(jobs)+1, err)}
		}
		target, err := posture.ParseTarget(r.Subject())
		if err != nil || r.PlanID == "" {
			return nil, usageError{fmt.Errorf("reading plan %s: entry %d is not the plan of a service; "+
				"write one with iapguard plan TARGET -o FILE", name, len(jobs)+1)}
		}
		listed, err := planOf(target, r.Steps)
		if err != nil {
			return nil, usageError{fmt.Errorf("reading plan %s: entry %d: %w", name, len(jobs)+1, err)}
		}
		if id := listed.ID(); id != r.PlanID {
			return nil, usageError{fmt.Errorf("reading plan %s: entry %d says planId %s, and its steps are those of "+
				"another plan (%s): nothing was written; a plan is carried out as it was reviewed or not at all: "+
				"write a new one with iapguard plan %s -o FILE", name, len(jobs)+1, r.PlanID, id, target)}
		}
		jobs = append(jobs, &job{target: target, reviewed: &r})
	}
	if len(jobs) == 0 {
		return nil, usageError{fmt.Errorf("reading plan %s: it is empty", name)}
	}
	return jobs, nil
}

// planOf returns the plan that a report lists.
func planOf(target posture.Target, steps []report.Step) (plan.Plan, error) {
	listed := plan.Plan{Target: target}
	for _, s := range steps {
		step, err := s.Plan()
		if err != nil {
			return listed, err
		}
		listed.Steps = append(listed.Steps, step)
	}
	return listed, nil
}
