package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// A rule leaves a private service unless it says otherwise. A person may ask for the plan of the
// whole recipe there. The plan names who gets in newly, and an approver lets it be carried
// out. The approval counts for the command that came with it alone: an event, a sweep, or a
// record of the memory without that command leaves the service as the rule does.

// mostLetIn bounds how many members a plan lets in newly: it names every one.
const mostLetIn = 50

// wholeLasts is how long grants are kept that a plan of the whole recipe made and still needs.
// It is longer than a command is tried.
const wholeLasts = time.Hour

// offerWhole is the plan of the whole recipe that waits for an approval, nil where none does:
// only a look that a person asked for makes the offer.
func (d *decider) offerWhole(decision Decision) *Offer {
	members, unread := protection.NewlyLetIn(d.facts.Posture, d.want)
	steps := decision.Plan.Steps
	if !d.request.ReadOnly || len(steps) == 0 || d.mode() == policy.ReportOnly || unread != "" || len(members) > mostLetIn {
		return nil
	}
	return &Offer{decision.Plan.ID(), planned(steps), true, sumsOf(members)}
}

// approvedWhole reports whether an approval is the one that the command names, and nobody gets
// in newly that its plan did not name.
func (d *decider) approvedWhole(a memory.Approval) bool {
	members, unread := protection.NewlyLetIn(d.facts.Posture, d.want)
	command := d.request.Cause.Command
	return command != nil && command.PlanID == a.PlanID && unread == "" &&
		!slices.ContainsFunc(sumsOf(members), func(sum string) bool { return !slices.Contains(a.LetsIn, sum) })
}

// sumsOf are members as the memory keeps them.
func sumsOf(members []policy.Grant) []string {
	var sums []string
	for _, one := range members {
		sum := sha256.Sum256([]byte(one.Resource + "\n" + one.Members + "\n" + one.Condition))
		sums = append(sums, hex.EncodeToString(sum[:12]))
	}
	return sums
}

// wholeUnderWay reports whether the open run carries out a plan of the whole recipe, and this
// look is not of that run: it takes back nothing that the run granted.
func (d *decider) wholeUnderWay() bool {
	known := d.facts.Memory
	return known != nil && !d.request.Whole && known.RunsWhole() != "" && d.now.Sub(known.Run.Since) < wholeLasts
}

// withWhole says what a plan of the whole recipe lets in, and how it is carried out.
func (d *decider) withWhole(decision Decision) Decision {
	if !d.request.Whole || len(decision.Plan.Steps) == 0 {
		return decision
	}
	members, unread := protection.NewlyLetIn(d.facts.Posture, d.want)
	var says []string
	for _, one := range members[:min(len(members), mostLetIn)] {
		line := fmt.Sprintf("gets in newly: %s, by the policy of %s", posture.Shown(one.Members), one.Resource)
		if one.Condition != "" {
			line += ", if " + posture.Shown(one.Condition)
		}
		says = append(says, line)
	}
	switch {
	case len(members) > mostLetIn:
		says = append(says, fmt.Sprintf("%d more get in newly, and a plan names at most %d: have fewer let in, or name them under "+
			"access.members", len(members)-mostLetIn, mostLetIn))
	case unread != "":
		says = append(says, "who gets in newly is not known, so the plan cannot be approved: "+unread)
	case d.mode() == policy.ReportOnly:
		says = append(says, "the mode is report-only, so the plan cannot be approved")
	case decision.Offer != nil:
		says = append(says, fmt.Sprintf("plan %s is of the whole recipe: an approver other than %s has it carried out within %s, by "+
			"iapguard approve", decision.Offer.PlanID, d.request.By, policy.InWords(ApprovableFor)))
	case decision.Outcome == report.Held && !d.request.ReadOnly:
		says = append(says, "the whole recipe does not go on by itself after that: have the plan approved again, or planned anew")
	}
	decision.Advice = append(decision.Advice, says...)
	return decision
}
