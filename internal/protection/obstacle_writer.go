package protection

import (
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

const (
	// NoWriter: writers are named by folder, and none for a folder above the
	// project. Services there are only looked at until one is: that is how a wave
	// is begun.
	NoWriter Code = "NO_WRITER"
	// WriterUnknown: writers are named by folder, and the folders above the project
	// cannot be read.
	WriterUnknown Code = "WRITER_UNKNOWN"
)

// NobodyWrites says that no writer is bound for the folders above a project,
// though for some there is, or that nobody is to write anything.
func NobodyWrites(p posture.Posture, some bool) Finding {
	finding := Finding{
		Code: NoWriter, Severity: Low, Disposition: Remarks, Resource: "projects/" + p.Target.Project,
		Why:    "nothing is written anywhere: IAPGUARD_WRITERS is none",
		Remedy: "when something is to be written, let the function write, or run iapguard apply " + p.Target.Name(),
	}
	if !some {
		return finding
	}
	folders := "it is in no folder"
	if len(p.Ancestors.Folders) > 0 {
		folders = "it is in " + strings.Join(p.Ancestors.Folders, ", in ")
	}
	finding.Why = "nothing is written, for no writer account is bound for the project's folders: " + folders
	finding.Remedy = "when its turn has come, bind a writer account to one of its folders and name both in " +
		"IAPGUARD_WRITERS, or run iapguard apply " + p.Target.Name()
	return finding
}

// NobodyKnowsWhoWrites says that the writer cannot be chosen, and why.
func NobodyKnowsWhoWrites(p posture.Posture, why string) Finding {
	return Finding{
		Code: WriterUnknown, Severity: High, Disposition: Blocks, Resource: "projects/" + p.Target.Project,
		Why: "nothing is written, because it is not known which writer account is bound for the project's folders: " + why,
		Remedy: "let iapguard's service account read the project and what is above it (permission " +
			"resourcemanager.projects.get)",
	}
}
