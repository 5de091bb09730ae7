package simulation

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/robfig/cron/v3"
	"github.com/zclconf/go-cty/cty"

	"github.com/iapguard/iapguard/internal/strictyaml"
	"github.com/iapguard/iapguard/test/deploy/blueprint"
)

var (
	deployed = filepath.Join("..", "..", "deploy")
	costs    = filepath.Join(deployed, "docs", "reference", "costs.md")
)

// shipped is what deploy/ sets by default.
type shipped struct {
	sweeps, due            cron.Schedule
	instances, concurrency float64
	minBackoff, maxBackoff float64 // seconds, between deliveries
	attempts               int
	deploy, sweep          amounts
}

// amounts are what costs.md says was measured of one thing that happens.
type amounts struct {
	events, eventKB, works, workKB, reports, reportKB, reads, logKB, cpuMS float64
}

func readShipped() (*shipped, error) {
	s := &shipped{}
	root := filepath.Join(deployed, "terraform")
	core := filepath.Join(root, "modules", "core")
	var text string
	for _, each := range []struct {
		folder, kind, name, attribute string
		into                          any
	}{
		{root, "variable", "sweep_schedule", "default", &s.sweeps},
		{core, "resource", "due", "schedule", &s.due},
		{core, "variable", "max_instances", "default", &s.instances},
		{core, "variable", "concurrency", "default", &s.concurrency},
	} {
		value, err := attribute(each.folder, each.kind, each.name, each.attribute)
		if err != nil {
			return nil, err
		}
		switch into := each.into.(type) {
		case *cron.Schedule:
			*into, err = cron.ParseStandard(value.AsString())
		case *float64:
			*into, _ = value.AsBigFloat().Float64()
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", each.name, each.folder, err)
		}
	}
	if err := s.readDelivery(); err != nil {
		return nil, err
	}
	page, err := os.ReadFile(costs)
	if err != nil {
		return nil, err
	}
	text = string(page)
	if s.deploy, err = amountsOf(text, "a protected service is deployed again"); err != nil {
		return nil, err
	}
	s.sweep, err = amountsOf(text, "a sweep looks at a protected service, one of ten in its project")
	return s, err
}

// attribute is what a block of a Terraform module sets.
func attribute(folder, kind, name, attribute string) (cty.Value, error) {
	files, err := blueprint.Files(folder)
	if err != nil {
		return cty.NilVal, err
	}
	for _, body := range files {
		for _, block := range body.Blocks {
			if block.Type != kind || block.Labels[len(block.Labels)-1] != name {
				continue
			}
			if set, has := block.Body.Attributes[attribute]; has {
				return valueOf(set)
			}
		}
	}
	return cty.NilVal, fmt.Errorf("%s has no %s %s with %s", folder, kind, name, attribute)
}

func valueOf(set *hclsyntax.Attribute) (cty.Value, error) {
	value, diagnostics := set.Expr.Value(nil)
	if diagnostics.HasErrors() {
		return cty.NilVal, diagnostics
	}
	return value, nil
}

func (s *shipped) readDelivery() error {
	text, err := os.ReadFile(filepath.Join(deployed, "intake.yaml"))
	if err != nil {
		return err
	}
	asJSON, err := strictyaml.JSON(text, 32)
	if err != nil {
		return err
	}
	var intake struct {
		Delivery struct {
			MinimumBackoff, MaximumBackoff string
			Attempts                       int
		}
	}
	if err := json.Unmarshal(asJSON, &intake); err != nil {
		return err
	}
	least, err := time.ParseDuration(intake.Delivery.MinimumBackoff)
	if err != nil {
		return err
	}
	most, err := time.ParseDuration(intake.Delivery.MaximumBackoff)
	s.minBackoff, s.maxBackoff, s.attempts = least.Seconds(), most.Seconds(), intake.Delivery.Attempts
	return err
}

// amountsOf reads a row of the first table of costs.md.
func amountsOf(page, what string) (a amounts, err error) {
	row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(what) + ` \| (.*) \|$`).FindString(page)
	if row == "" {
		return a, fmt.Errorf("%s has no row %q", costs, what)
	}
	columns := regexp.MustCompile(`\|`).Split(row, -1)[2:]
	number := regexp.MustCompile(`[\d.]+`)
	read := func(column int, into ...*float64) {
		found := number.FindAllString(columns[column], -1)
		for i := range min(len(found), len(into)) {
			if *into[i], err = strconv.ParseFloat(found[i], 64); err != nil {
				return
			}
		}
	}
	read(0, &a.events, &a.eventKB)
	read(1, &a.works, &a.workKB)
	read(2, &a.reports, &a.reportKB)
	read(3, &a.reads)
	read(4, &a.logKB)
	read(5, &a.cpuMS)
	if a.reads == 0 || a.cpuMS == 0 {
		return a, fmt.Errorf("the row %q of %s lacks reads, or time of a processor", what, costs)
	}
	return a, err
}
