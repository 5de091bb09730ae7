package reconcile

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
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
		lines = append(lines, r.grants(classified, met)...)
	}
	if classified.Service != "" {
		lines = append(lines, command.EnableAPI(classified.Service, project).String())
	}
	if classified.Remedy != "" {
		lines = append(lines, classified.Remedy)
	}
	return lines
}

// grants says who lacks a permission, and what to type.
func (r *run) grants(missing *fault.Error, met errorScope) []string {
	who := "iapguard's service account"
	if missing.Caller != "" {
		who = "the writer account " + missing.Caller
	}
	lines := []string{"grant " + who + " the permission " + missing.Permission}
	if command := r.grantCommand(missing, met); command != "" {
		lines = append(lines, command)
	}
	return lines
}

// unreadAdvice is what a person grants so that every fact can be read, each permission
// once.
func (r *run) unreadAdvice(p posture.Posture) []string {
	var lines, named []string
	for _, unread := range p.Unread {
		above, _, _ := strings.Cut(strings.TrimSuffix(unread.Resource, ":iapSettings"), "/roles/")
		if !posture.AboveProject(above) {
			above = otherProject(p, above)
		}
		if key := unread.Permission + above; unread.Permission != "" && !slices.Contains(named, key) {
			named = append(named, key)
			if above != "" {
				for _, line := range r.grantsAbove(unread.Permission, above, p.Ancestors.Organization) {
					if !slices.Contains(lines, line) { // one role may have several of the permissions
						lines = append(lines, line)
					}
				}
				continue
			}
			lines = append(lines, r.grants(&fault.Error{Kind: fault.Denied, Permission: unread.Permission}, scopeOf(p))...)
		}
	}
	return lines
}

// otherProject is the project that a resource is in, such as the host project of a load
// balancer, "" for the service's own.
func otherProject(p posture.Posture, resource string) string {
	part := strings.Split(resource, "/")
	if part[0] != "projects" || len(part) < 2 || part[1] == p.Target.Project || part[1] == p.ProjectNumber {
		return ""
	}
	return "projects/" + part[1]
}

// grantsAbove says that our account lacks a permission on a folder, an organization or
// another project, and what to type. Custom roles there are the organization's. Google's own role for
// reading custom roles has nothing else.
func (r *run) grantsAbove(permission, container, organization string) []string {
	lines := []string{"grant iapguard's service account the permission " + permission + " on " + container}
	role := organization + "/roles/" + roleWith(permission)
	if permission == "iam.roles.get" {
		role = "roles/iam.roleViewer"
	}
	if who := r.Self.Account(); who != "" && (organization != "" || permission == "iam.roles.get") {
		granted := command.GrantRoleAbove(container, role, "serviceAccount:"+who)
		if project, ok := strings.CutPrefix(container, "projects/"); ok {
			granted = command.GrantProjectRole(project, role, "serviceAccount:"+who)
		}
		lines = append(lines, granted.String())
	}
	return lines
}

// grantCommand is the command that grants the calling account what it lacks. Acting
// as an account is granted on that account. Everything else is granted by the role
// that deploy/roles describes, in the project, or for a writer on its folder. It is
// "" where the account is not known, and where the error has its own remedy.
func (r *run) grantCommand(missing *fault.Error, met errorScope) string {
	who, home, folder := r.Self.Account(), "projects/"+met.project, ""
	if missing.Caller != "" {
		who, home = missing.Caller, met.above.Organization // a folder has no roles of its own
		folder = r.Writers.FolderOf(missing.Caller, met.above.Folders)
		if folder == "" || home == "" {
			return ""
		}
	}
	member := "serviceAccount:" + who
	switch {
	case who == "" || met.project == "" || missing.Remedy != "",
		strings.HasPrefix(missing.Permission, "secretmanager."): // bound to the secret
		return ""
	case missing.Account != "":
		return command.GrantAccountRole(missing.Account, home+"/roles/iapguardRuntime", member, met.project).String()
	}
	role := roleWith(missing.Permission)
	granted := command.GrantProjectRole(met.project, home+"/roles/"+role, member)
	if missing.Caller != "" {
		if role != enablingRole {
			role = writingRole // it has all else that a writer needs
		}
		granted = command.GrantRoleAbove(folder, home+"/roles/"+role, member)
	}
	return granted.String() + "; where it has that role, the role lacks it: " +
		command.AddPermission(role, missing.Permission, home).String()
}

// writingRole is the id of the role that lets an account write, and enablingRole of the
// one that lets it turn IAP's API on as well.
const (
	writingRole  = "iapguardWriter"
	enablingRole = "iapguardAPIs"
)

// roleWith is the id of the role of deploy/roles that a permission belongs to:
// the writer's are those of writes, and of waiting until one is done. A test
// holds it against the roles.
func roleWith(permission string) string {
	if permission == "serviceusage.services.enable" || permission == "serviceusage.operations.get" {
		return enablingRole
	}
	for _, end := range []string{".update", ".setIamPolicy", "perations.get"} {
		if strings.HasSuffix(permission, end) {
			return writingRole
		}
	}
	switch permission {
	case "resourcemanager.projects.getIamPolicy": // it reads all that is granted
		return "iapguardInherited"
	case "resourcemanager.folders.getIamPolicy", "resourcemanager.organizations.getIamPolicy",
		"iap.folders.getSettings", "iap.organizations.getSettings":
		return "iapguardAncestors"
	}
	return "iapguardReader"
}
