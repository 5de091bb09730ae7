package decide

import (
	"maps"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/protection"
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

// FolderOf is the nearest of the folders that the account writes to, "" = none.
func (w Writers) FolderOf(account string, folders []string) string {
	at := slices.IndexFunc(folders, func(folder string) bool { return w[folder] == account })
	if at < 0 {
		return ""
	}
	return folders[at]
}

// Accounts are all writer accounts, each once.
func (w Writers) Accounts() []string {
	return slices.Compact(slices.Sorted(maps.Values(w)))
}

// Asks is what must be read beside a posture: what rules ask about, and the
// folders above the project where the writer depends on them.
func (w Writers) Asks(rules Policy, consent bool) policy.Asked {
	asked := rules.Asks()
	asked.Folders = asked.Folders || len(w) > 0 && !consent
	return asked
}

// Writer is who writes to the project of one service.
type Writer struct {
	Account string // "" = our own
	None    bool   // nobody: no folder above the project has one
	Unknown string // why it is not known, "" = it is known
}

// writerOf finds who writes. A person at a terminal writes with their own account.
func (d *decider) writerOf() Writer {
	above, writers := d.facts.Posture.Ancestors, d.facts.Writers
	switch {
	case writers == nil || d.request.Consent:
		return Writer{}
	case len(writers) == 0:
		return Writer{None: true}
	case !above.Known:
		return Writer{Unknown: above.Unread}
	}
	account := writers.Of(above.Folders)
	if strings.EqualFold(account, d.facts.Self.Account()) {
		return Writer{None: account == ""}
	}
	return Writer{Account: account, None: account == ""}
}

// unwritten explains why nobody performs a plan that is wanted.
func (d *decider) unwritten() []protection.Finding {
	if len(d.plan.Steps) == 0 || !d.wanted() {
		return nil
	}
	switch p := d.facts.Posture; {
	case d.writer.None:
		return []protection.Finding{protection.NobodyWrites(p, len(d.facts.Writers) > 0)}
	case d.writer.Unknown != "":
		return []protection.Finding{protection.NobodyKnowsWhoWrites(p, d.writer.Unknown)}
	}
	return nil
}
