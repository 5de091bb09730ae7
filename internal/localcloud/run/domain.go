package run

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	domainsVersion = "domains.cloudrun.com/v1"
	domainsPrefix  = "google.cloud.run.v1.DomainMappings."
)

// hostName is a host that can be mapped, as DNS writes it.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$`)

// domainRow is the row of domain mappings. Their resource is v1's, which v2 does not have.
// It is modelled on a recorded one, with its certificate issued at once.
func (r *Run) domainRow() collection.Kind {
	return collection.Kind{
		Documents:   []string{"run/v1"},
		Collections: []string{"run.namespaces.domainmappings", "run.projects.locations.domainmappings"},
		Message:     "DomainMapping", Permissions: "run.domainmappings", Source: permissionSource,
		Audit: map[string]string{"create": domainsPrefix + "CreateDomainMapping", "delete": domainsPrefix + "DeleteDomainMapping"},
		ID:    hostName, IDField: "metadata.name", ListKind: "DomainMappingList", Location: collection.Regional,
		Words: collection.Words{NotFound: absent("DOMAIN_MAPPING").NotFound, Exists: "Resource '{id}' already exists.",
			BadID: "metadata.name: '{id}' is not a domain name."},
		PageSize: maxPageSize, Rename: r.namespacedName, Recorded: recordedDomain,
		Prepare: r.prepareDomain, Changed: r.changedDomain,
		Answer: func(_ *collection.Collection, w *collection.Write, shown map[string]any) (any, error) {
			if w.New == nil {
				return map[string]any{"status": "Success"}, nil
			}
			return shown, nil
		},
	}
}

// verifiedRoute lists the domains that a caller has verified.
func verifiedRoute() apiserver.Route {
	return untested(route(http.MethodGet, "/v1/projects/{project}/authorizeddomains",
		"run.projects.authorizeddomains.list", "", listVerified))
}

// listVerified says that the caller has verified every domain that is tried
// here: nothing shows who owns which.
func listVerified(call *apiserver.Call) (any, error) {
	var all []any
	for _, suffix := range []string{"com", "org", "net", "dev", "app", "test"} {
		all = append(all, map[string]any{"id": "example." + suffix, "name": "apps/" + call.Project.ID +
			"/authorizedDomains/example." + suffix})
	}
	return map[string]any{"domains": all}, nil
}

// prepareDomain refuses a host that is mapped in another region, or to no service, and
// completes a mapping.
func (r *Run) prepareDomain(w *collection.Write) error {
	if err := regional(w.Call); err != nil || w.New == nil {
		return err
	}
	body, host, location := w.New.Body, lastSegment(w.New.Name), strings.Split(w.New.Name, "/")[3]
	spec := apiserver.Object(body, "spec")
	service := apiserver.Text(spec, "routeName")
	r.mu.Lock()
	_, err := r.find(identity{w.Call.Project, location, service})
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if spec["forceOverride"] != true && len(r.elsewhere(w.New.Name)) > 0 {
		return apiserver.AlreadyExists("Domain mapping to [%s] is already in use elsewhere.", host)
	}
	delete(spec, "forceOverride")
	metadata, creator := child(body, "metadata"), w.Call.Caller.Email()
	for name, value := range map[string]any{
		"namespace": w.Call.Project.Number, "uid": apiserver.NewUUID(), "generation": number(1),
		"selfLink":        "/apis/" + domainsVersion + "/namespaces/" + w.Call.Project.Number + "/domainmappings/" + host,
		"resourceVersion": resourceVersion(w.At), "creationTimestamp": stamp(w.At),
		"labels":      merged(apiserver.Object(metadata, "labels"), map[string]any{locationLabel: location}),
		"annotations": merged(apiserver.Object(metadata, "annotations"), map[string]any{creatorAnnotation: creator, modifierAnnotation: creator}),
	} {
		metadata[name] = value
	}
	body["apiVersion"], body["kind"] = domainsVersion, "DomainMapping"
	body["status"] = map[string]any{
		"observedGeneration": number(1), "mappedRouteName": service, "url": "https://" + host,
		"conditions": []any{conditionV1("Ready", w.At, false), conditionV1("CertificateProvisioned", w.At, false),
			conditionV1("DomainRoutable", w.At, false)},
		"resourceRecords": records(host),
	}
	return nil
}

// elsewhere are the mappings of the same host in other regions.
func (r *Run) elsewhere(name string) []string {
	var found []string
	for _, other := range r.mappings.All("") {
		if other.Name != name && lastSegment(other.Name) == lastSegment(name) {
			found = append(found, other.Name)
		}
	}
	return found
}

// changedDomain takes a host that is mapped anew away from where it was.
func (r *Run) changedDomain(w *collection.Write) {
	if w.New != nil {
		for _, name := range r.elsewhere(w.New.Name) {
			r.mappings.Drop(name)
		}
	}
}

// recordedDomain completes a call's log entry. How Google's looks nobody recorded; this
// one is modelled on that of a service.
func recordedDomain(call *apiserver.Call, name string) {
	record := call.Record
	if record == nil {
		return
	}
	location, namespaced := strings.Split(name, "/")[3], "namespaces/"+call.Project.ID+"/domainmappings/"+lastSegment(name)
	record.ResourceType, record.Labels, record.Location = "cloud_run_revision", identity{call.Project, location, ""}.labels(), location
	record.ResourceName = namespaced
	record.Request = map[string]any{"@type": v1Request + "DeleteDomainMappingRequest", "name": namespaced}
	if body, err := call.Body(); err == nil && len(body) > 0 {
		record.Request = map[string]any{"@type": v1Request + "CreateDomainMappingRequest",
			"parent": "namespaces/" + call.Project.ID, "domainMapping": body}
	}
	for i := range record.Authorization {
		record.Authorization[i].Resource = namespaced
	}
}

// records are what DNS must say: addresses for a domain itself (recorded), a
// name for what lies below one (reported).
func records(host string) []any {
	if below, _, _ := strings.Cut(host, "."); strings.Count(host, ".") > 1 {
		return []any{map[string]any{"name": below, "type": "CNAME", "rrdata": "ghs.googlehosted.com."}}
	}
	var all []any
	for _, address := range []string{"216.239.32.21", "216.239.34.21", "216.239.36.21", "216.239.38.21"} {
		all = append(all, map[string]any{"type": "A", "rrdata": address})
	}
	return all
}
