package reconcile

import (
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// errorScope is where an error was met.
type errorScope struct {
	project string
	above   posture.Ancestors // as far as they are known
}

// scopeOf is that of a service that was observed.
func scopeOf(p posture.Posture) errorScope { return errorScope{p.Target.Project, p.Ancestors} }

// advice is what a person needs to cure an error met in a project: what went
// wrong, and what to type.
func (r *run) advice(err error, met errorScope) []string {
	lines := []string{err.Error()}
	classified, project := fault.Of(err), met.project
	if classified.Permission != "" {
		who := "iapguard's service account"
		if classified.Caller != "" {
			who = "the writer account " + classified.Caller
		}
		lines = append(lines, "grant "+who+" the permission "+classified.Permission)
		if command := r.grantCommand(classified, met); command != "" {
			lines = append(lines, command)
		}
	}
	if classified.Service != "" {
		lines = append(lines, "gcloud services enable "+classified.Service+inProject(project))
	}
	if classified.Constraint != "" {
		lines = append(lines,
			"an organization policy forbids it; its administrator can exempt the project: gcloud org-policies describe "+
				classified.Constraint+" --effective"+inProject(project))
	}
	if classified.Remedy != "" {
		lines = append(lines, classified.Remedy)
	}
	return lines
}

// grantCommand is the command that grants the calling account what it lacks. Acting
// as an account is granted on that account. Everything else is granted by the role
// that deploy/roles describes, in the project, or for a writer on its folder. It is
// "" where the account is not known, and where the error has its own remedy.
func (r *run) grantCommand(missing *fault.Error, met errorScope) string {
	who, home, flag := r.Self.Account(), "projects/"+met.project, inProject(met.project)
	on := "projects add-iam-policy-binding " + met.project
	if missing.Caller != "" {
		folder, organization := r.Writers.FolderOf(missing.Caller, met.above.Folders), met.above.Organization
		if folder == "" || organization == "" {
			return ""
		}
		who, home = missing.Caller, organization // a folder has no roles of its own
		flag = " --organization=" + strings.TrimPrefix(organization, "organizations/")
		on = "resource-manager folders add-iam-policy-binding " + strings.TrimPrefix(folder, "folders/")
	}
	switch {
	case who == "" || met.project == "" || missing.Remedy != "", strings.HasPrefix(missing.Permission,
		"secretmanager."): // bound to the secret
		return ""
	case missing.Account != "":
		return fmt.Sprintf("gcloud iam service-accounts add-iam-policy-binding %s --member=serviceAccount:%s "+
			"--role=%s/roles/iapguardRuntime%s",
			missing.Account, who, home, inProject(met.project))
	}
	role := roleWith(missing.Permission)
	if missing.Caller != "" {
		role = writingRole // it has all that a writer needs
	}
	return fmt.Sprintf("gcloud %s --member=serviceAccount:%s --role=%s/roles/%s; "+
		"where it has that role, the role lacks it: gcloud iam roles update %s --add-permissions=%s%s",
		on, who, home, role, role, missing.Permission, flag)
}

// writingRole is the id of the role that lets an account write.
const writingRole = "iapguardWriter"

// roleWith is the id of the role of deploy/roles that a permission belongs to:
// the writer's are those of writes, and of waiting until one is done. A test
// holds it against the roles.
func roleWith(permission string) string {
	for _, end := range []string{".update", ".setIamPolicy", "perations.get"} {
		if strings.HasSuffix(permission, end) {
			return writingRole
		}
	}
	return "iapguardReader"
}

func inProject(project string) string {
	if project == "" {
		return ""
	}
	return " --project=" + project
}
