package run

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const (
	domainsVersion = "domains.cloudrun.com/v1"
	domainsPrefix  = "google.cloud.run.v1.DomainMappings."
)

// domain is one host that is mapped to a service.
type domain struct {
	location, host, uid, service string
	created                      time.Time
	creator                      string
	certificateMode              string
	labels, annotations          map[string]any // as sent
}

// hostName is a host that can be mapped, as DNS writes it.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)

func (r *Run) routesOfDomains() []apiserver.Route {
	const (
		namespace = "/apis/" + domainsVersion + "/namespaces/{project}"
		location  = "/v1/projects/{project}/locations/{location}"
	)
	var routes []apiserver.Route
	for parent, id := range map[string]string{namespace: "run.namespaces.", location: "run.projects.locations."} {
		all, one := parent+"/domainmappings", parent+"/domainmappings/{domain}"
		id += "domainmappings."
		routes = append(routes,
			audited(domainsPrefix+"CreateDomainMapping", route(http.MethodPost, all, id+"create", "domainmappings.create",
				r.createDomain)),
			route(http.MethodGet, all, id+"list", "domainmappings.list", r.listDomains),
			route(http.MethodGet, one, id+"get", "domainmappings.get", r.getDomain),
			audited(domainsPrefix+"DeleteDomainMapping", route(http.MethodDelete, one, id+"delete", "domainmappings.delete",
				r.deleteDomain)))
	}
	verified := untested(route(http.MethodGet, "/v1/projects/{project}/authorizeddomains",
		"run.projects.authorizeddomains.list", "", listVerified))
	return append(routes, verified)
}

// listVerified says that the caller has verified every domain that is tried
// here: nothing shows who owns which.
func listVerified(*apiserver.Call) (any, error) {
	var all []any
	for _, suffix := range []string{"com", "org", "net", "dev", "app", "test"} {
		all = append(all, map[string]any{"id": "example." + suffix, "name": "apps/" + apiserver.ProjectID +
			"/authorizedDomains/example." + suffix})
	}
	return map[string]any{"domains": all}, nil
}

func (d domain) fullName() string {
	return "projects/" + apiserver.ProjectID + "/locations/" + d.location + "/domainmappings/" + d.host
}

func (r *Run) createDomain(call *apiserver.Call) (any, error) {
	id, body, err := sentV1(call)
	if err != nil {
		return nil, err
	}
	sent, err := documentV1().Normalize("DomainMapping", body)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	metadata, wanted := apiserver.Object(sent, "metadata"), apiserver.Object(sent, "spec")
	made := domain{
		location: id.location, host: apiserver.Text(metadata, "name"), uid: apiserver.NewUUID(),
		service: apiserver.Text(wanted, "routeName"), created: r.server.Stamp(), creator: call.Caller.Email(),
		certificateMode: apiserver.Text(wanted, "certificateMode"),
		labels:          apiserver.Object(metadata, "labels"), annotations: apiserver.Object(metadata, "annotations"),
	}
	describeDomain(call, made, map[string]any{
		"@type": v1Request + "CreateDomainMappingRequest", "parent": "namespaces/" + apiserver.ProjectID,
		"domainMapping": body,
	})
	if !hostName.MatchString(made.host) {
		return nil, apiserver.Invalid("metadata.name: %q is not a domain name.", made.host)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.find(identity{id.location, made.service}); err != nil {
		return nil, err
	}
	for name, other := range r.domains {
		elsewhere := other.host == made.host && other.location != made.location
		switch {
		case name == made.fullName():
			return nil, apiserver.AlreadyExists("Resource '%s' already exists.", made.host)
		case elsewhere && wanted["forceOverride"] != true:
			return nil, apiserver.AlreadyExists("Domain mapping to [%s] is already in use elsewhere.", made.host)
		case elsewhere:
			delete(r.domains, name)
		}
	}
	r.domains[made.fullName()] = made
	return made.v1(), nil
}

func (r *Run) getDomain(call *apiserver.Call) (any, error) {
	found, err := r.findDomain(call)
	if err != nil {
		return nil, err
	}
	return found.v1(), nil
}

func (r *Run) findDomain(call *apiserver.Call) (domain, error) {
	id, err := identityV1(call)
	if err != nil {
		return domain{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.domains[domain{location: id.location, host: call.Var("domain")}.fullName()]
	if !ok {
		return found, apiserver.NotFound("Resource '%s' of kind 'DOMAIN_MAPPING' in region '%s' in project '%s' does not exist.",
			call.Var("domain"), id.location, apiserver.ProjectID)
	}
	return found, nil
}

func (r *Run) listDomains(call *apiserver.Call) (any, error) {
	id, err := identityV1(call)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []domain
	for _, each := range r.domains {
		if (id.location == "-" || each.location == id.location) && !call.Unreachable(each.location) {
			all = append(all, each)
		}
	}
	slices.SortFunc(all, func(a, b domain) int { return cmp.Compare(a.fullName(), b.fullName()) })
	var items []any
	for _, each := range all {
		items = append(items, each.v1())
	}
	list := knativeList("DomainMappingList", items)
	list["apiVersion"] = domainsVersion
	return partial(call, list), nil
}

func (r *Run) deleteDomain(call *apiserver.Call) (any, error) {
	found, err := r.findDomain(call)
	if err != nil {
		return nil, err
	}
	describeDomain(call, found, map[string]any{"@type": v1Request + "DeleteDomainMappingRequest",
		"name": found.namespaced()})
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.domains, found.fullName())
	return map[string]any{"status": "Success"}, nil
}

func (d domain) namespaced() string {
	return "namespaces/" + apiserver.ProjectID + "/domainmappings/" + d.host
}

// describeDomain completes a call's log entry. How Google's looks nobody
// recorded; this one is modelled on that of a service.
func describeDomain(call *apiserver.Call, d domain, request map[string]any) {
	call.Resource = d.fullName()
	record := call.Record
	if record == nil {
		return
	}
	record.ResourceType, record.Labels, record.Location = "cloud_run_revision", labels(d.location, ""), d.location
	record.ResourceName, record.Request = d.namespaced(), request
	for i := range record.Authorization {
		record.Authorization[i].Resource = d.namespaced()
	}
}

// v1 is the mapping as the API shows it (modelled on a recorded one), with its
// certificate issued at once.
func (d domain) v1() map[string]any {
	status := map[string]any{
		"observedGeneration": number(1), "mappedRouteName": d.service, "url": "https://" + d.host,
		"conditions": []any{
			conditionV1("Ready", d.created, false), conditionV1("CertificateProvisioned", d.created, false),
			conditionV1("DomainRoutable", d.created, false),
		},
		"resourceRecords": d.records(),
	}
	spec := map[string]any{"routeName": d.service}
	if d.certificateMode != "" {
		spec["certificateMode"] = d.certificateMode
	}
	return map[string]any{
		"apiVersion": domainsVersion, "kind": "DomainMapping",
		"metadata": map[string]any{
			"name": d.host, "namespace": apiserver.ProjectNumber, "uid": d.uid, "generation": number(1),
			"selfLink": "/apis/" + domainsVersion + "/namespaces/" + apiserver.ProjectNumber +
				"/domainmappings/" + d.host,
			"resourceVersion": resourceVersion(d.created), "creationTimestamp": stamp(d.created),
			"labels":      merged(d.labels, map[string]any{locationLabel: d.location}),
			"annotations": merged(d.annotations, map[string]any{creatorAnnotation: d.creator, modifierAnnotation: d.creator}),
		},
		"spec": spec, "status": status,
	}
}

// records are what DNS must say: addresses for a domain itself (recorded), a
// name for what lies below one (reported).
func (d domain) records() []any {
	if below, _, _ := strings.Cut(d.host, "."); strings.Count(d.host, ".") > 1 {
		return []any{map[string]any{"name": below, "type": "CNAME", "rrdata": "ghs.googlehosted.com."}}
	}
	var all []any
	for _, address := range []string{"216.239.32.21", "216.239.34.21", "216.239.36.21", "216.239.38.21"} {
		all = append(all, map[string]any{"type": "A", "rrdata": address})
	}
	return all
}
