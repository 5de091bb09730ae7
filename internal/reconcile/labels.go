package reconcile

import (
	"slices"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
)

// judged is what the policy wants of an observed service, and what is missing.
type judged struct {
	want     policy.Wanted
	inScope  bool
	findings []protection.Finding
}

// judge asks the policy. Labels select nothing where services that share a
// backend service agree only without them: else whoever deploys one of them
// could, by a label that selects a stricter rule, have nothing done for all.
func (r *run) judge(rules Policy, p posture.Posture) judged {
	found := r.judgeAs(rules, p)
	if !rules.Asks().Labels || !found.conflict() {
		return found
	}
	plain := r.judgeAs(rules, unlabelled(p))
	if plain.conflict() || !plain.inScope {
		return found
	}
	plain.want.SkippedRules = append(slices.Clone(found.want.SkippedRules),
		"the labels of the services behind one backend service select different rules, so none of them counts")
	return plain
}

func (r *run) judgeAs(rules Policy, p posture.Posture) judged {
	of := r.settings(rules, p)
	settings, inScope := of(p.Target)
	want := policy.Wanted{Settings: settings, SettingsOf: of, SettleBy: r.request.SettleBy, WroteAt: r.wroteAt()}
	return judged{want, inScope, protection.Assess(p, want)}
}

func (j judged) conflict() bool {
	return slices.ContainsFunc(j.findings, func(f protection.Finding) bool { return f.Code == protection.SharedBackend })
}

// unlabelled is a posture without the labels of its services.
func unlabelled(p posture.Posture) posture.Posture {
	p.Service.Labels = nil
	p.Backends = slices.Clone(p.Backends)
	for i := range p.Backends {
		p.Backends[i].Members = slices.Clone(p.Backends[i].Members)
		for j := range p.Backends[i].Members {
			p.Backends[i].Members[j].Labels = nil
		}
	}
	return p
}
