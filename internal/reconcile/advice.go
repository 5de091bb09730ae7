package reconcile

import (
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/fault"
)

// advice is what a person needs to cure an error met in a project: what went
// wrong, and what to type.
func (r *run) advice(err error, project string) []string {
	lines := []string{err.Error()}
	classified := fault.Of(err)
	if classified.Permission != "" {
		lines = append(lines, "grant iapguard's service account the permission "+classified.Permission)
		if command := r.grantCommand(classified, project); command != "" {
			lines = append(lines, command)
		}
	}
	if classified.Service != "" {
		lines = append(lines, "gcloud services enable "+classified.Service+inProject(project))
	}
	if classified.Constraint != "" {
		lines = append(lines, "an organization policy forbids it; whoever keeps that can except the project: gcloud org-policies describe "+
			classified.Constraint+" --effective"+inProject(project))
	}
	if classified.Remedy != "" {
		lines = append(lines, classified.Remedy)
	}
	return lines
}

// grantCommand gives the own account what it lacks: acting as an account is
// granted on that account, everything else by the role that deploy/roles
// describes. "" where the own account is not known.
func (r *run) grantCommand(missing *fault.Error, project string) string {
	switch {
	case r.Self.Account() == "" || project == "" || strings.HasPrefix(missing.Permission, "secretmanager."): // bound to the secret: its own remedy
		return ""
	case missing.Account != "":
		return fmt.Sprintf("gcloud iam service-accounts add-iam-policy-binding %s --member=serviceAccount:%s --role=projects/%s/roles/iapguardRuntime%s",
			missing.Account, r.Self.Account(), project, inProject(project))
	}
	role := roleWith(missing.Permission)
	return fmt.Sprintf("gcloud projects add-iam-policy-binding %s --member=serviceAccount:%s --role=projects/%s/roles/%s; "+
		"where it has that role, the role lacks it: gcloud iam roles update %s --add-permissions=%s%s",
		project, r.Self.Account(), project, role, role, missing.Permission, inProject(project))
}

// roleWith is the id of the role of deploy/roles that a permission belongs to:
// the writer's are those of writes, and of waiting until one is done. A test
// holds it against the roles.
func roleWith(permission string) string {
	for _, end := range []string{".update", ".setIamPolicy", "perations.get"} {
		if strings.HasSuffix(permission, end) {
			return "iapguardWriter"
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
