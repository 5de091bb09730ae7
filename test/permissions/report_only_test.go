package permissions

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/doctor"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

// gaps are the findings of the scenario's services as they are deployed.
var gaps = []protection.Code{
	protection.AgentNotProvisioned, protection.AgentNotInvoker, protection.AccessorMissing, protection.IAPOff,
	protection.IngressOpen, protection.PublicInvoker,
}

func TestReportOnlyWorksWithTheReaderAlone(t *testing.T) {
	o := play(t, looking, shipped(t, readerAlone))
	if lines := blocked(o); len(lines) > 0 {
		t.Errorf("something is blocked: %q", lines)
	}
	if writes := o.Calls().Own().Writes(); len(writes) > 0 {
		t.Errorf("it tried to write: %v", writes)
	}
	optional := always(permissions(shipped(t, optionalRead)))
	slices.Sort(optional)
	if diff := cmp.Diff(optional, unread(o)); diff != "" {
		t.Errorf("what it could not read (-the optional roles' +got):\n%s", diff)
	}
	for _, service := range playground.Scenario {
		for _, command := range []string{"sweep", "audit"} {
			one := answerTo(o, command, service.Service)
			if one.Outcome != report.Planned || len(one.Steps) != len(gaps) || len(one.Doors) == 0 {
				t.Errorf("%s of %s: %q with %d steps and %d doors, want a plan of %d steps and the doors", command,
					service.Service, one.Outcome, len(one.Steps), len(one.Doors), len(gaps))
			}
			var codes []protection.Code
			for _, finding := range one.Findings {
				codes = append(codes, finding.Code)
			}
			if diff := cmp.Diff(gaps, codes); diff != "" {
				t.Errorf("%s of %s, findings (-want +got):\n%s", command, service.Service, diff)
			}
		}
	}
	for service, want := range map[string]doctor.Verdict{playground.Scenario[0].Service: doctor.IAPOff,
		guardedByHand.Service: doctor.NothingFound} {
		if one := answerTo(o, "doctor", service); one.Verdict != string(want) || len(one.Evidence) == 0 {
			t.Errorf("the doctor of %s answers %q with %d pieces of evidence, want %s", service, one.Verdict,
				len(one.Evidence), want)
		}
	}
}

// answerTo is the report on a service that a command led to.
func answerTo(o *withfunction.Env, command, service string) (found report.Report) {
	for _, one := range o.Of(service) {
		if one.Command != nil && one.Command.Name == command {
			found = one
		}
	}
	return found
}

func TestReportOnlyNeedsEveryPermissionOfTheReader(t *testing.T) {
	roles, optional := shipped(t, reads), dispensable(t)
	everyOneIsMissed(t, "the reader, in report-only", always(permissions(roles)),
		func(t *testing.T, permission string) *withfunction.Env {
			o := play(t, looking, without(roles, permission))
			if writes := o.Calls().Own().Writes(); len(writes) > 0 {
				t.Errorf("it tried to write: %v", writes)
			}
			return o
		}, optional)
}
