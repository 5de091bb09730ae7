package clients

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	compute "google.golang.org/api/compute/v1"
	"google.golang.org/api/option"
	run1 "google.golang.org/api/run/v1"
	run2 "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// knativeServices are the calls of one of the two paths under which v1 has services.
type knativeServices struct {
	create    func(*run1.Service) (*run1.Service, error)
	get       func(name string) (*run1.Service, error)
	replace   func(name string, wanted *run1.Service) (*run1.Service, error)
	list      func() (*run1.ListServicesResponse, error)
	delete    func(name string) (*run1.Status, error)
	getPolicy func(name string) (*run1.Policy, error)
	setPolicy func(name string, policy *run1.Policy) (*run1.Policy, error)
}

// TestTheV1ClientOfRunWorksUnderBothPaths walks through both paths of v1: that of
// Knative, at the host of a region, and that of Google, at any host.
func TestTheV1ClientOfRunWorksUnderBothPaths(t *testing.T) {
	cloud := cloudtest.Start(t, playground.Options{Bare: true})
	client := func(path string) *run1.APIService {
		service, err := run1.NewService(t.Context(), option.WithEndpoint(cloud.URL()+path), option.WithoutAuthentication())
		if err != nil {
			t.Fatal(err)
		}
		return service
	}
	wide := client("/").Projects.Locations.Services
	knative := client("/_regional/us-central1/").Namespaces.Services
	policies := knativeServices{
		getPolicy: func(name string) (*run1.Policy, error) { return wide.GetIamPolicy(parent + "/services/" + name).Do() },
		setPolicy: func(name string, policy *run1.Policy) (*run1.Policy, error) {
			return wide.SetIamPolicy(parent+"/services/"+name, &run1.SetIamPolicyRequest{Policy: policy}).Do()
		},
	}
	ofNamespace, ofLocation := policies, policies
	const namespace = "namespaces/demo-project"
	ofNamespace.create = func(s *run1.Service) (*run1.Service, error) { return knative.Create(namespace, s).Do() }
	ofNamespace.get = func(name string) (*run1.Service, error) { return knative.Get(namespace + "/services/" + name).Do() }
	ofNamespace.replace = func(name string, s *run1.Service) (*run1.Service, error) {
		return knative.ReplaceService(namespace+"/services/"+name, s).Do()
	}
	ofNamespace.list = func() (*run1.ListServicesResponse, error) { return knative.List(namespace).Do() }
	ofNamespace.delete = func(name string) (*run1.Status, error) {
		return knative.Delete(namespace + "/services/" + name).Do()
	}
	ofLocation.create = func(s *run1.Service) (*run1.Service, error) { return wide.Create(parent, s).Do() }
	ofLocation.get = func(name string) (*run1.Service, error) { return wide.Get(parent + "/services/" + name).Do() }
	ofLocation.replace = func(name string, s *run1.Service) (*run1.Service, error) {
		return wide.ReplaceService(parent+"/services/"+name, s).Do()
	}
	ofLocation.list = func() (*run1.ListServicesResponse, error) { return wide.List(parent).Do() }
	ofLocation.delete = func(name string) (*run1.Status, error) { return wide.Delete(parent + "/services/" + name).Do() }
	for path, services := range map[string]knativeServices{"namespaces": ofNamespace, "locations": ofLocation} {
		t.Run(path, func(t *testing.T) { walk(t, path, services) })
	}
}

// pollInterval is how often a client looks whether a service is ready.
const pollInterval = 20 * time.Millisecond

func wait(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(pollInterval):
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// walk makes, reads, changes, lists and deletes a service, and sets its policy.
func walk(t *testing.T, name string, services knativeServices) {
	made, err := services.create(&run1.Service{ApiVersion: "serving.knative.dev/v1", Kind: "Service",
		Metadata: &run1.ObjectMeta{Name: name, Namespace: "demo-project"},
		Spec: &run1.ServiceSpec{Template: &run1.RevisionTemplate{
			Spec: &run1.RevisionSpec{Containers: []*run1.Container{{Image: image}}}}}})
	if err != nil || made.Metadata.Name != name {
		t.Fatalf("creating: %+v, %v", made, err)
	}
	if _, err := services.create(made); clienttest.Code(err) != http.StatusConflict {
		t.Errorf("creating it twice: %v", err)
	}
	read := made
	for deadline := cloudtest.Patience; read.Status.ObservedGeneration < 1; deadline -= pollInterval {
		if deadline <= 0 {
			t.Fatalf("it did not become ready: %+v", read.Status)
		}
		wait(t)
		if read, err = services.get(name); err != nil {
			t.Fatal(err)
		}
	}
	if read.Status.Url == "" || read.Spec.Template.Spec.TimeoutSeconds != 300 {
		t.Errorf("the service: %+v", read)
	}
	read.Metadata.Annotations["run.googleapis.com/ingress"] = "internal"
	changed, err := services.replace(name, read)
	if err != nil || changed.Metadata.Generation != 2 || changed.Metadata.Annotations["run.googleapis.com/ingress"] != "internal" {
		t.Errorf("replacing: %+v, %v", changed, err)
	}
	if _, err := services.replace(name, read); clienttest.Code(err) != http.StatusConflict {
		t.Errorf("replacing an old version: %v", err)
	}
	list, err := services.list()
	if err != nil || !slices.ContainsFunc(list.Items, func(s *run1.Service) bool { return s.Metadata.Name == name }) {
		t.Errorf("the list: %+v, %v", list, err)
	}
	policy, err := services.getPolicy(name)
	if err != nil {
		t.Fatal(err)
	}
	policy.Bindings = []*run1.Binding{{Role: "roles/run.invoker", Members: []string{"allUsers"}}}
	set, err := services.setPolicy(name, policy)
	if err != nil || len(set.Bindings) != 1 {
		t.Errorf("the policy: %+v, %v", set, err)
	}
	if status, err := services.delete(name); err != nil || status.Status != "Success" {
		t.Errorf("deleting: %+v, %v", status, err)
	}
	for deadline := cloudtest.Patience; err == nil; deadline -= pollInterval {
		if deadline <= 0 {
			t.Fatal("it was not deleted")
		}
		wait(t)
		_, err = services.get(name)
	}
	if clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("reading what is gone: %v", err)
	}
}

func TestTheV2ClientOfRunListsByPages(t *testing.T) {
	cloud := cloudtest.Start(t, playground.Options{Bare: true})
	client, err := run2.NewService(t.Context(), at(cloud)...)
	if err != nil {
		t.Fatal(err)
	}
	services := client.Projects.Locations.Services
	for _, id := range []string{"c", "a", "b"} {
		wanted := &run2.GoogleCloudRunV2Service{Template: &run2.GoogleCloudRunV2RevisionTemplate{
			Containers: []*run2.GoogleCloudRunV2Container{{Image: image}}}}
		if _, err := services.Create(parent, wanted).ServiceId(id).Do(); err != nil {
			t.Fatal(err)
		}
	}
	var pages [][]string
	err = services.List(parent).PageSize(2).Pages(t.Context(), func(page *run2.GoogleCloudRunV2ListServicesResponse) error {
		var names []string
		for _, each := range page.Services {
			names = append(names, each.Name[len(parent+"/services/"):])
		}
		pages = append(pages, names)
		return nil
	})
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c"}}, pages); err != nil || diff != "" {
		t.Errorf("pages: %v (-want +got):\n%s", err, diff)
	}
}

func TestTheClientOfComputeManagesABackend(t *testing.T) {
	cloud := cloudtest.Start(t, playground.Options{Bare: true})
	client, err := compute.NewService(t.Context(), option.WithEndpoint(cloud.URL()+"/compute/v1/"),
		option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	const project = playground.Project
	finish := func(operation *compute.Operation, err error) {
		t.Helper()
		if err == nil {
			operation, err = client.GlobalOperations.Wait(project, operation.Name).Do()
		}
		if err != nil || operation.Status != "DONE" || operation.Error != nil {
			t.Fatalf("%+v, %v", operation, err)
		}
	}
	for _, name := range []string{"c", "a", "b"} {
		finish(client.BackendServices.Insert(project,
			&compute.BackendService{Name: name, LoadBalancingScheme: "EXTERNAL_MANAGED"}).Do())
	}
	var pages [][]string
	err = client.BackendServices.List(project).MaxResults(2).Pages(t.Context(), func(page *compute.BackendServiceList) error {
		var names []string
		for _, each := range page.Items {
			names = append(names, each.Name)
		}
		pages = append(pages, names)
		return nil
	})
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c"}}, pages); err != nil || diff != "" {
		t.Errorf("pages: %v (-want +got):\n%s", err, diff)
	}
	read, err := client.BackendServices.Get(project, "a").Do()
	if err != nil {
		t.Fatal(err)
	}
	finish(client.BackendServices.Patch(project, "a", &compute.BackendService{Fingerprint: read.Fingerprint,
		Iap: &compute.BackendServiceIAP{Enabled: true}}).Do())
	if after, err := client.BackendServices.Get(project, "a").Do(); err != nil || !after.Iap.Enabled {
		t.Errorf("the patched backend: %+v, %v", after, err)
	}
	policy, err := client.BackendServices.GetIamPolicy(project, "a").OptionsRequestedPolicyVersion(3).Do()
	if err != nil {
		t.Fatal(err)
	}
	policy.Bindings = []*compute.Binding{{Role: "roles/compute.viewer", Members: []string{"user:dev@example.com"}}}
	set, err := client.BackendServices.SetIamPolicy(project, "a", &compute.GlobalSetPolicyRequest{Policy: policy}).Do()
	if err != nil || len(set.Bindings) != 1 {
		t.Errorf("the policy: %+v, %v", set, err)
	}
	finish(client.BackendServices.Delete(project, "a").Do())
	if _, err := client.BackendServices.Get(project, "a").Do(); clienttest.Code(err) != http.StatusNotFound {
		t.Errorf("reading what is gone: %v", err)
	}
}
