// Package remedy says what a person can write where a resource is defined, so
// that what defines it no longer undoes the protection. Package command builds
// the gcloud commands.
package remedy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// tool is with what a resource is managed.
type tool string

const (
	terraform       tool = "Terraform"
	configConnector tool = "Config Connector"
	gcloud          tool = "gcloud"
)

// toolOf recognises a tool by its user agent. Sources: the provider's and Config
// Connector's own code, a recorded call of gcloud's. The console's user agent is
// a browser's; the command helps its users best.
func toolOf(userAgent string) tool {
	agent := strings.ToLower(userAgent)
	for _, known := range []struct {
		part string
		tool tool
	}{{"kcc/", configConnector}, {"config-connector", configConnector}, {"cnrm", configConnector},
		{"terraform", terraform}, {"pulumi", terraform}, {"gcloud/", gcloud}, {"mozilla/", gcloud}} {
		if strings.Contains(agent, known.part) {
			return known.tool
		}
	}
	return terraform
}

// SourceFix is what to write where the resource is defined, so that the next
// apply there leaves the protection alone: for each tool, that of the last actor's
// user agent first. It is empty for a resource that the posture does not prove to
// serve this service.
func SourceFix(p posture.Posture, step plan.Step, userAgent string) string {
	fixes := map[tool]string{}
	switch change := step.Change.(type) {
	case plan.EnableIAP:
		fixes = backendFix(p, step.Resource, change)
	case plan.RestrictIngress, plan.RequireInvoker, plan.EnableDirectIAP:
		if _, ours := p.Part(step.Resource); ours {
			fixes = serviceFix(p.Target, change)
		}
	case plan.EnableAPI:
		fixes = apiFix(p.Target.Project, change)
	case plan.GrantInvoker:
		fixes = invokerFix(p, step.Resource, nil)
	case plan.RevokePublic:
		fixes = invokerFix(p, step.Resource, &change)
	case plan.GrantAccess:
		fixes = accessFix(p, step.Resource, change)
	}
	order := []tool{terraform, configConnector, gcloud}
	if userAgent != "" {
		first := toolOf(userAgent)
		order = append([]tool{first}, slices.DeleteFunc(order, func(t tool) bool { return t == first })...)
	}
	var parts []string
	for _, name := range order {
		if fix := fixes[name]; fix != "" {
			parts = append(parts, "# "+string(name)+"\n"+fix)
		}
	}
	return strings.Join(parts, "\n\n")
}

// backendFix turns IAP on where a backend service is defined. Config Connector
// cannot turn it on without an OAuth client, but can leave alone what its resource
// does not name (config-connector/docs/concepts/ignore-unspecified-fields).
// Sources: the provider's google_compute_backend_service, variables.tf of
// terraform-google-lb-http's serverless_negs and of terraform-google-regional-lb-http's
// backend, Config Connector's types.
func backendFix(p posture.Posture, resource string, change plan.EnableIAP) map[tool]string {
	i := slices.IndexFunc(p.Backends, func(b posture.Backend) bool { return b.Resource() == resource })
	if i < 0 {
		return nil
	}
	b := p.Backends[i]
	at := ofBackend(b)
	at.Client = cmp.Or(b.OAuthClient, change.Client.ID)
	fixes := map[tool]string{
		terraform:       write("backend.tf.tmpl", at),
		configConnector: write("backend.yaml.tmpl", at),
		gcloud:          command.EnableIAP(b).String(),
	}
	if b.OAuthClient == "" && at.Client != "" {
		fixes[gcloud] = command.EnableIAPWith(b, at.Client).String()
	}
	return fixes
}

// apiFix keeps an API on where a project is defined. Config Connector's Service resource
// has no setting but the API's name. Source: the provider's google_project_service.
func apiFix(project string, change plan.EnableAPI) map[tool]string {
	at := parameters{Project: project, Name: change.Service}
	return map[tool]string{
		terraform: write("api.tf.tmpl", at),
		gcloud:    command.EnableAPI(change.Service, project).String(),
	}
}

// serviceFix writes one setting where a Cloud Run service is defined. Config
// Connector's RunService knows only the ingress.
func serviceFix(t posture.Target, change plan.Change) map[tool]string {
	at := ofService(t)
	switch change.(type) {
	case plan.RestrictIngress:
		at.Setting = `ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"`
		return map[tool]string{
			terraform:       write("service.tf.tmpl", at),
			configConnector: write("service.yaml.tmpl", at),
			gcloud:          command.SetIngress(t, posture.IngressInternalLoadBalancing).String(),
		}
	case plan.RequireInvoker:
		at.Setting = "invoker_iam_disabled = false"
		return map[tool]string{terraform: write("service.tf.tmpl", at), gcloud: command.RequireInvoker(t).String()}
	}
	at.Setting = "iap_enabled = true"
	return map[tool]string{terraform: write("service.tf.tmpl", at), gcloud: command.EnableDirectIAP(t).String()}
}

// invokerFix names single members: what sets a whole policy or role takes away
// members that it does not name.
func invokerFix(p posture.Posture, resource string, revoked *plan.RevokePublic) map[tool]string {
	members := p.AllMembers()
	i := slices.IndexFunc(members, func(m posture.Member) bool { return m.Target.Name() == resource })
	if i < 0 {
		return nil
	}
	service := members[i].Target
	at := ofService(service)
	at.Role, at.Member = posture.RoleInvoker, p.Agent()
	commands := []string{command.GrantInvoker(service, at.Member).String()}
	if revoked != nil {
		commands = nil
		for _, public := range revoked.Members {
			c := command.RevokeInvoker(service, revoked.Role, public, revoked.Conditional)
			commands = append(commands, c.String())
		}
	}
	return map[tool]string{
		terraform:       write("invoker.tf.tmpl", at),
		configConnector: write("invoker.yaml.tmpl", at),
		gcloud:          strings.Join(commands, "\n"),
	}
}

// accessFix names the members who are to have access through IAP, one by one.
func accessFix(p posture.Posture, resource string, change plan.GrantAccess) map[tool]string {
	condition := posture.Condition(change.Condition)
	var at parameters
	var grant func(member string) command.Command
	i := slices.IndexFunc(p.Backends,
		func(b posture.Backend) bool { return b.AccessResource(p.ProjectNumber) == resource })
	parts := p.Parts()
	part := slices.IndexFunc(parts,
		func(p posture.Posture) bool { return p.Target.AccessResource(p.ProjectNumber) == resource })
	switch {
	case i >= 0:
		at = ofBackend(p.Backends[i])
		grant = func(member string) command.Command {
			return command.GrantBackendAccess(p.Backends[i], member, condition)
		}
	case part >= 0:
		service := parts[part].Target
		at = ofService(service)
		at.Direct = true
		grant = func(member string) command.Command { return command.GrantServiceAccess(service, member, condition) }
	default:
		return nil
	}
	at.Role, at.Members, at.Condition = change.Role, change.Members, condition
	var commands []string
	for _, member := range change.Members {
		commands = append(commands, grant(member).String())
	}
	return map[tool]string{terraform: write("access.tf.tmpl", at), gcloud: strings.Join(commands, "\n")}
}
