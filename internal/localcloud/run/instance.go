package run

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// instanceRow is the row of instances (preview): a container with an address of its own,
// its own ingress, invoker check and IAP, and neither revisions nor a template.
// Source: run/docs/instances, the discovery document.
func (r *Run) instanceRow() collection.Kind {
	row := r.workload("Instance", "instances", serviceName)
	row.Documents, row.Collections = append(row.Documents, "run/v1"), append(row.Collections, "run.namespaces.instances")
	row.Unserved = []string{"start", "stop", "run.namespaces.instances.create", "run.namespaces.instances.get",
		"run.namespaces.instances.delete", "run.namespaces.instances.replaceInstance"}
	row.Rename, row.Shape, row.ListKind = r.namespacedName, r.shapeInstance, "InstanceList"
	row.Prepare = func(w *collection.Write) error {
		if w.New == nil {
			return nil
		}
		// The rules of templates hold for what an instance has itself.
		body := w.New.Body
		setDefault(body, "serviceAccount", w.Call.Project.DefaultAccount())
		template := map[string]any{"serviceAccount": body["serviceAccount"], "containers": body["containers"]}
		body["template"] = template
		err := prepare(w, row.Message)
		delete(body, "template")
		setDefault(body, "ingress", "INGRESS_TRAFFIC_ALL")
		return err
	}
	row.View = func(found collection.Resource, shown map[string]any) {
		if shown["defaultUriDisabled"] != true {
			shown["urls"] = r.urlsOf(found.Name)
		}
	}
	return row
}

// urlsOf are the addresses of an instance, which have the form of a service's (unverified).
func (r *Run) urlsOf(name string) []any {
	part := strings.Split(name, "/")
	_, newer := identity{r.server.ProjectOf(name), part[3], part[5]}.addresses()
	return []any{newer}
}

// Instance is an instance as v2 shows it, nil when there is none.
func (r *Run) Instance(name string) map[string]any {
	found, ok := r.instances.Get(name)
	if !ok {
		return nil
	}
	return r.instances.Shown(found)
}

// InstanceAt is the full name of the instance with a default URL at a host, "" when there
// is none.
func (r *Run) InstanceAt(host string) string {
	for _, found := range r.instances.All("") {
		for _, each := range apiserver.List(r.instances.Shown(found), "urls") {
			if each == "https://"+host {
				return found.Name
			}
		}
	}
	return ""
}

// shapeInstance turns an instance of v2 into what v1 lists of it, which is enough to find
// it by name (unverified).
func (r *Run) shapeInstance(version string, of collection.Resource, instance map[string]any) {
	if version != "v1" {
		return
	}
	part := strings.Split(of.Name, "/")
	shown := map[string]any{"name": part[5], "namespace": r.server.ProjectOf(of.Name).Number,
		"labels": map[string]any{locationLabel: part[3]}}
	become(instance, map[string]any{"kind": "Instance", "metadata": shown})
}
