package judge

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/test/oracle/estate"
)

const (
	computePath = "/compute/v1/projects/"
	servicePath = "/v2/projects/" + project + "/locations/"
	iapPath     = "/v1/projects/" + number + "/"
)

var ingresses = map[string]string{
	"": "INGRESS_TRAFFIC_ALL", estate.Internal: "INGRESS_TRAFFIC_INTERNAL_ONLY",
	estate.InternalLoadBalancing: "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}

// Build empties the local cloud and builds an estate in it. Members that the
// API refuses are left out of their bindings.
func (w World) Build(e estate.Estate) error {
	b := builder{World: w}
	b.do(http.MethodPost, "/_local/reset", nil)
	b.do(http.MethodPost, "/v3/folders", object{"parent": estate.Organization, "displayName": "shops"})
	b.do(http.MethodPost, "/v3/projects/"+project+":move", object{"destinationParent": estate.Folder})
	b.agent(project)
	if e.Hosted() {
		b.do(http.MethodPost, "/v3/projects", object{"projectId": estate.HostProject, "parent": estate.Organization})
		b.agent(estate.HostProject)
	}
	for id, permission := range map[string]string{"invoking": "run.routes.invoke", "harmless": "run.services.get",
		"passing": "iap.webServiceVersions.accessViaIAP"} {
		b.do(http.MethodPost, "/v1/projects/"+project+"/roles",
			object{"roleId": id, "role": object{"title": id, "includedPermissions": []any{permission}, "stage": "GA"}})
	}
	above, id, _ := strings.Cut(estate.AboveRole, "/roles/")
	b.do(http.MethodPost, "/v1/"+above+"/roles",
		object{"roleId": id, "role": object{"title": id, "includedPermissions": []any{"run.routes.invoke"}, "stage": "GA"}})
	for _, s := range e.Services {
		b.service(s)
	}
	for _, one := range e.Backends {
		b.backend(e, one)
	}
	for _, one := range e.Balancers {
		b.balancer(e, one)
	}
	for _, policy := range e.Above {
		b.grant("/v1/projects/"+owner(policy.Hosted)+"/"+policy.At, policy.Grants)
	}
	for _, settings := range e.Settings {
		b.settings(settings)
	}
	b.grant("/v1/projects/"+project, e.Project)
	for _, policy := range e.Higher {
		b.grant("/v3/"+policy.At, policy.Grants)
	}
	if e.Hosted() {
		b.grant("/v1/projects/"+estate.HostProject, e.Host)
	}
	return b.err
}

// owner is the project that something is in.
func owner(hosted bool) string {
	if hosted {
		return estate.HostProject
	}
	return project
}

// builder makes calls until one fails.
type builder struct {
	World
	err    error
	agents []estate.Grant // that let IAP invoke, as the agent of either project
}

// agent makes the IAP service agent of a project.
func (b *builder) agent(of string) {
	made := b.do(http.MethodPost, "/v1beta1/projects/"+of+"/services/iap.googleapis.com:generateServiceIdentity", object{})
	identity, _ := made["response"].(object)
	b.agents = append(b.agents, estate.Grant{Member: fmt.Sprint("serviceAccount:", identity["email"]), Role: "roles/run.invoker"})
}

func (b *builder) do(method, path string, body any) object {
	if b.err != nil {
		return nil
	}
	var answer object
	answer, b.err = b.call(method, path, body)
	return answer
}

// grant adds bindings to the policy of a resource.
func (b *builder) grant(resource string, grants []estate.Grant) {
	verb := http.MethodPost
	read := resource + ":getIamPolicy"
	for _, g := range grants {
		if b.err != nil {
			return
		}
		var policy object
		if isService(resource) {
			policy = b.do(http.MethodGet, read+"?options.requestedPolicyVersion=3", nil)
		} else {
			policy = b.do(verb, read, object{"options": object{"requestedPolicyVersion": 3}})
		}
		binding := object{"role": g.Role, "members": []any{g.Member}}
		if g.When != "" {
			binding["condition"] = object{"title": "when", "expression": g.When}
		}
		bindings, _ := policy["bindings"].([]any)
		_, err := b.call(http.MethodPost, resource+":setIamPolicy",
			object{"policy": object{"version": 3, "bindings": append(bindings, binding), "etag": policy["etag"]}})
		if refused := (problem{}); errors.As(err, &refused) && refused.status == http.StatusBadRequest {
			continue
		}
		b.err = errors.Join(b.err, err)
	}
}

func isService(resource string) bool { return len(resource) > 4 && resource[:4] == "/v2/" }

// collection is where Cloud Run keeps a service or an instance.
func collection(s estate.Service) string {
	if s.Instance {
		return "/instances/"
	}
	return "/services/"
}

func (b *builder) service(s estate.Service) {
	containers := []any{object{"image": "us-docker.pkg.dev/cloudrun/container/hello"}}
	body := object{
		"ingress": ingresses[s.Ingress], "invokerIamDisabled": s.CheckOff, "iapEnabled": s.DirectIAP,
		"defaultUriDisabled": s.URLOff,
	}
	parameter := "services?serviceId="
	if body["template"] = (object{"containers": containers}); s.Instance {
		delete(body, "template")
		body["containers"], parameter = containers, "instances?instanceId="
	}
	location := s.Region
	if len(s.Elsewhere) > 0 {
		location = "global"
		var all []any
		for _, place := range s.Places() {
			all = append(all, place.Region)
		}
		body["multiRegionSettings"] = object{"regions": all}
	}
	if s.Tag {
		body["traffic"] = []any{object{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100, "tag": "blue"}}
	}
	if s.DirectIAP {
		body["launchStage"] = "BETA"
	}
	b.do(http.MethodPost, servicePath+location+"/"+parameter+s.Name, body)
	for _, place := range s.Places() {
		invokers := place.Invokers
		if place.Agent {
			invokers = slices.Concat(b.agents, invokers)
		}
		b.grant(servicePath+place.Region+collection(s)+s.Name, invokers)
		b.grant(iapPath+estate.Service{Name: s.Name, Region: place.Region, Instance: s.Instance}.Resource(), place.Access)
	}
	if s.Domain != "" {
		b.do(http.MethodPost, "/v1/projects/"+project+"/locations/"+s.Region+"/domainmappings",
			object{"metadata": object{"name": s.Domain}, "spec": object{"routeName": s.Name}})
	}
}

// settings sets IAP's settings of a resource.
func (b *builder) settings(s estate.Settings) {
	access := object{}
	if s.External {
		access["gcipSettings"] = object{"tenantIds": []any{"_" + number}, "loginPageUri": "https://login.example.com/"}
	}
	if s.Workforce {
		access["identitySources"] = []any{"WORKFORCE_IDENTITY_FEDERATION"}
		access["workforceIdentitySettings"] = object{"workforcePools": []any{"locations/global/workforcePools/staff"}}
	}
	switch s.Options {
	case estate.OptionsPass, estate.OptionsRefuse:
		access["corsSettings"] = object{"allowHttpOptions": s.Options == estate.OptionsPass}
	case estate.OptionsUnset:
		access["corsSettings"] = object{}
	}
	if s.Domains != nil {
		access["allowedDomainsSettings"] = object{"enable": true, "domains": s.Domains}
	}
	resource := strings.TrimSuffix("/v1/projects/"+owner(s.Hosted)+"/"+s.At, "/")
	if estate.AboveProject(s.At) {
		resource = "/v1/" + s.At
	}
	b.do(http.MethodPatch, resource+":iapSettings", object{"accessSettings": access})
}
