package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// whyLine says in one line how the handling of a service ended, and why it is not protected.
func whyLine(r report.Report, why string) line {
	lead := fmt.Sprintf("%-9s ", strings.ToUpper(string(r.Outcome)))
	return line{lead: lead, text: r.Subject() + ": " + why, style: outcomeStyle(r), hang: 2}
}

// why says why a service ended as it did.
func why(r report.Report) string {
	said := reason(r)
	if left := doorLeft(r); left != "" && r.Outcome != report.Failed && r.Outcome != report.Exempt && said != left {
		return said + "; " + left
	}
	return said
}

// undoneText says what others undid, how often, and who did it last.
func undoneText(c report.Contest) string {
	who := "somebody"
	if len(c.Actors) > 0 {
		last := c.Actors[len(c.Actors)-1]
		who = cmp.Or(last.Principal, who)
		if last.UserAgent != "" {
			who += ", with what calls itself " + last.UserAgent
		}
	}
	return fmt.Sprintf("others undid %s %d times, last %s", c.Field, c.Rounds, who)
}

func reason(r report.Report) string {
	advice := ""
	if len(r.Advice) > 0 {
		advice = r.Advice[0]
	}
	switch r.Outcome {
	case report.Compliant:
		return "nothing is to be done"
	case report.Protected, report.Redeployed:
		done := 0
		for _, step := range r.Steps {
			if step.Result == report.StepDone {
				done++
			}
		}
		return counted(done, "step") + " taken"
	case report.Exempt:
		if e := r.Exemption; e != nil {
			return fmt.Sprintf("%s (%s, %s) until %s", e.Reason, e.Ticket, e.Owner, policy.LastDay(e.Expires))
		}
	case report.Contested:
		if r.Contest != nil {
			return undoneText(*r.Contest)
		}
	case report.Held, report.Waiting, report.Deferred:
		if w := r.WaitingFor; w != nil {
			if w.Until != nil && r.Outcome == report.Deferred {
				return fmt.Sprintf("%s; not before %s", w.What, w.Until.Format(time.RFC3339))
			}
			return w.What
		}
	case report.Blocked:
		for _, f := range r.Findings {
			if !closed(f, r.Steps) && f.Code != protection.CallerBreaks {
				return string(f.Code) + ": " + f.Why
			}
		}
	case report.Uncovered:
		if r.Target != nil && r.Target.Kind == report.KindInstance {
			return "iapguard looks at Cloud Run instances and changes none"
		}
		return cmp.Or(advice, "no rule of the policy covers it")
	}
	return cmp.Or(advice, doorLeft(r), "it is not known why")
}
