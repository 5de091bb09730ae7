package reconcile

import (
	"maps"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/protection"
	"github.com/iapguard/iapguard/internal/report"
)

// Writers are the service accounts that write, by the folder whose projects each
// writes to: folders/NUMBER. nil = the function's own account writes everywhere;
// none = nobody writes anything.
type Writers map[string]string

// Of is the account of the nearest of the folders, which are the nearest first;
// "" = none of them has one.
func (w Writers) Of(folders []string) string {
	for _, folder := range folders {
		if account := w[folder]; account != "" {
			return account
		}
	}
	return ""
}

// folderOf is the nearest of the folders whose account it is, "" = of none.
func (w Writers) folderOf(account string, folders []string) string {
	at := slices.IndexFunc(folders, func(folder string) bool { return w[folder] == account })
	if at < 0 {
		return ""
	}
	return folders[at]
}

// Accounts are all of them, each once.
func (w Writers) Accounts() []string {
	return slices.Compact(slices.Sorted(maps.Values(w)))
}

// writer is who writes to the project of one service.
type writer struct {
	account string // "" = our own
	none    bool   // nobody: no folder above the project has one
	unknown string // why nobody can tell, "" = it is known
}

// writerOf finds who writes. A person at a terminal writes themselves.
func (r *run) writerOf(p posture.Posture) writer {
	switch {
	case r.Writers == nil || r.request.Consent:
		return writer{}
	case len(r.Writers) == 0:
		return writer{none: true}
	case !p.Ancestors.Known:
		return writer{unknown: p.Ancestors.Unread}
	}
	account := r.Writers.Of(p.Ancestors.Folders)
	if strings.EqualFold(account, r.Self.Account()) {
		return writer{none: account == ""}
	}
	return writer{account: account, none: account == ""}
}

// describes is what is read beside a posture: what rules ask about, and the
// folders above the project where who writes depends on them.
func (r *run) describes(rules Policy) policy.Asked {
	asked := rules.Asks()
	asked.Folders = asked.Folders || len(r.Writers) > 0 && !r.request.Consent
	return asked
}

// nobodyKnowsWho reports as blocked what is to be written while it cannot be
// told as whom.
func (r *run) nobodyKnowsWho(v view) (final report.Report, blocked bool) {
	if v.writer.unknown == "" || len(v.plan.Steps) == 0 || v.hold != nil || !r.wanted(v) {
		return final, false
	}
	return r.report(v, report.Blocked), true
}

// unwritten tells why a plan that is wanted is carried out by nobody.
func (r *run) unwritten(v view) []protection.Finding {
	if len(v.plan.Steps) == 0 || !r.wanted(v) {
		return nil
	}
	switch {
	case v.writer.none:
		return []protection.Finding{protection.NobodyWrites(v.posture, len(r.Writers) > 0)}
	case v.writer.unknown != "":
		return []protection.Finding{protection.NobodyKnowsWhoWrites(v.posture, v.writer.unknown)}
	}
	return nil
}
