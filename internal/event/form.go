package event

import (
	"regexp"
)

// forms are objects that people have in hand and that are not log entries, by the member that
// gives each away.
var forms = []struct{ member, what string }{
	{"assetType", "an asset of Cloud Asset Inventory, which says how a resource is and not who changed it: " +
		"ask with iapguard audit SERVICE, or give the audit log's entry"},
}

// form says what an object of another shape is, as far as one of its members shows it.
func (d *document) form() string {
	for name := range members(d.Unknown) {
		for _, one := range forms {
			if one.member == name {
				return one.what
			}
		}
	}
	return "an object of an unknown shape"
}

// consoleLine matches a line as the Logs Explorer shows it and copies it.
var consoleLine = regexp.MustCompile(
	`^\s*(DEFAULT|DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY) \d{4}-\d\d-\d\dT\S+ `)

// copiedLine is why a line of the Logs Explorer is not enough.
const copiedLine = "a line of the Logs Explorer, which lacks where the resource is: expand the entry and copy it as " +
	"JSON, or read it with gcloud in that format"
