package playground

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

// Developer is who deploys the scenario's services: an editor of the project,
// who as Cloud Run's administrator may also make services public, which an
// editor may not.
const Developer = "user:dev@example.com"

// AncestorsRole is the id of the role that only the organization can have.
const AncestorsRole = "iapguardAncestors"

// ShippedRoles are the custom roles of deploy/, as they are in the project.
func ShippedRoles() ([]apiserver.Role, error) {
	shipped, err := roles.Load()
	if err != nil {
		return nil, err
	}
	var made []apiserver.Role
	for _, role := range shipped {
		made = append(made, apiserver.Role{
			Name: "projects/" + Project + "/roles/" + role.ID, Title: role.Title, Description: role.Description,
			Stage: "GA", Permissions: role.Names(),
		})
	}
	return made, nil
}

// inOrganization are the same roles as the organization has them, for folders,
// which can have none.
func inOrganization(shipped []apiserver.Role) []apiserver.Role {
	made := slices.Clone(shipped)
	for i := range made {
		made[i].Name = strings.Replace(made[i].Name, "projects/"+Project+"/",
			"organizations/"+apiserver.OrganizationID+"/", 1)
	}
	return made
}

// FunctionGrants are what the function holds: the given roles in its project and nothing
// else, that of ancestors in the organization.
func FunctionGrants(shipped []apiserver.Role) []resourcemanager.Grant {
	var given []resourcemanager.Grant
	for _, role := range shipped {
		grant := resourcemanager.Grant{Role: role.Name, Member: "serviceAccount:" + FunctionAccount}
		if strings.HasSuffix(role.Name, "/"+AncestorsRole) {
			grant.Role, grant.InOrganization = inOrganization([]apiserver.Role{role})[0].Name, true
		}
		given = append(given, grant)
	}
	return given
}

// EveryRole are the given roles, and the same as the organization has them.
func EveryRole(shipped []apiserver.Role) []apiserver.Role {
	return slices.Concat(shipped, inOrganization(shipped))
}

// grants are who holds what beside the projects' owner.
func (o Options) grants() []resourcemanager.Grant {
	given := []resourcemanager.Grant{
		{Role: "roles/editor", Member: Developer}, {Role: "roles/run.admin", Member: Developer},
	}
	for _, project := range o.Projects {
		for _, role := range []string{"roles/editor", "roles/run.admin"} {
			given = append(given, resourcemanager.Grant{Role: role, Member: Developer, Project: project.ID})
		}
	}
	return append(given, FunctionGrants(o.Roles)...)
}
