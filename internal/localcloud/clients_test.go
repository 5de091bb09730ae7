package localcloud_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	cloudresourcemanager "google.golang.org/api/cloudresourcemanager/v1"
	compute "google.golang.org/api/compute/v1"
	"google.golang.org/api/googleapi"
	iap "google.golang.org/api/iap/v1"
	"google.golang.org/api/option"
	serviceusage "google.golang.org/api/serviceusage/v1beta1"

	"github.com/iapguard/iapguard/internal/localcloud"
)

const (
	project = "demo-project"
	agent   = "serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"
)

// TestGooglesClientsBuildAndProtectALoadBalancer walks the recipe with the
// clients that Google generates, which parse every answer in their own way.
func TestGooglesClientsBuildAndProtectALoadBalancer(t *testing.T) {
	base := serve(t, localcloud.Options{})
	at := func(path string) []option.ClientOption {
		return []option.ClientOption{option.WithEndpoint(base + path), option.WithoutAuthentication()}
	}
	ctx := t.Context()
	engine, err := compute.NewService(ctx, at("/compute/v1/")...)
	if err != nil {
		t.Fatal(err)
	}
	buildLoadBalancer(t, engine)

	usage, err := serviceusage.NewService(ctx, at("/")...)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := usage.Services.GenerateServiceIdentity("projects/" + project + "/services/iap.googleapis.com").Do()
	if err != nil || !identity.Done {
		t.Fatalf("provisioning the agent: %+v, %v", identity, err)
	}
	protect(t, engine)

	manager, err := cloudresourcemanager.NewService(ctx, at("/")...)
	if err != nil {
		t.Fatal(err)
	}
	found, err := manager.Projects.Get(project).Do()
	if err != nil || found.ProjectNumber != 123456789012 {
		t.Errorf("the project: %+v, %v", found, err)
	}
	var refused *googleapi.Error
	if _, err := manager.Projects.Get("another-project").Do(); !errors.As(err, &refused) || refused.Code != 403 ||
		len(refused.Errors) != 1 {
		t.Errorf("another project: %v, want a 403 with the legacy list", err)
	}

	proxy, err := iap.NewService(ctx, at("/")...)
	if err != nil {
		t.Fatal(err)
	}
	letIn(t, proxy)
}

func buildLoadBalancer(t *testing.T, engine *compute.Service) {
	t.Helper()
	neg := &compute.NetworkEndpointGroup{Name: "neg", NetworkEndpointType: "SERVERLESS",
		CloudRun: &compute.NetworkEndpointGroupCloudRun{Service: "hello"}}
	wait(t, engine, "us-central1")(engine.RegionNetworkEndpointGroups.Insert(project, "us-central1", neg).Do())
	backend := &compute.BackendService{
		Name: "be", LoadBalancingScheme: "EXTERNAL_MANAGED",
		Backends: []*compute.Backend{{Group: "projects/" + project + "/regions/us-central1/networkEndpointGroups/neg"}},
	}
	wait(t, engine, "")(engine.BackendServices.Insert(project, backend).Do())
	wait(t, engine, "")(engine.UrlMaps.Insert(project,
		&compute.UrlMap{Name: "um", DefaultService: "global/backendServices/be"}).Do())
	certificate := &compute.SslCertificate{Name: "cert", Type: "MANAGED",
		Managed: &compute.SslCertificateManagedSslCertificate{Domains: []string{"a.example.com"}}}
	wait(t, engine, "")(engine.SslCertificates.Insert(project, certificate).Do())
	wait(t, engine, "")(engine.TargetHttpsProxies.Insert(project, &compute.TargetHttpsProxy{
		Name: "thp", UrlMap: "global/urlMaps/um", SslCertificates: []string{"global/sslCertificates/cert"},
	}).Do())
	wait(t, engine, "")(engine.GlobalForwardingRules.Insert(project, &compute.ForwardingRule{
		Name: "fr", PortRange: "443", LoadBalancingScheme: "EXTERNAL_MANAGED", Target: "global/targetHttpsProxies/thp",
	}).Do())
	var scopes []string
	err := engine.BackendServices.AggregatedList(project).Pages(t.Context(),
		func(page *compute.BackendServiceAggregatedList) error {
			for scope, list := range page.Items {
				if len(list.BackendServices) > 0 {
					scopes = append(scopes, scope)
				}
			}
			return nil
		})
	if diff := cmp.Diff([]string{"global"}, scopes); err != nil || diff != "" {
		t.Errorf("aggregated list: %v (-want +got):\n%s", err, diff)
	}
}

// wait takes what a write returned, and waits for its operation.
func wait(t *testing.T, engine *compute.Service, region string) func(*compute.Operation, error) {
	return func(operation *compute.Operation, err error) {
		t.Helper()
		if err == nil && region == "" {
			operation, err = engine.GlobalOperations.Wait(project, operation.Name).Do()
		} else if err == nil {
			operation, err = engine.RegionOperations.Wait(project, region, operation.Name).Do()
		}
		if err != nil || operation.Status != "DONE" || operation.Error != nil {
			t.Fatalf("%+v, %v", operation, err)
		}
	}
}

func protect(t *testing.T, engine *compute.Service) {
	t.Helper()
	read, err := engine.BackendServices.Get(project, "be").Do()
	if err != nil || read.Iap != nil {
		t.Fatalf("before: %+v, %v; want no iap block", read, err)
	}
	stale := &compute.BackendService{Fingerprint: "AAAAAAAAAAA=", Iap: &compute.BackendServiceIAP{Enabled: true}}
	var refused *googleapi.Error
	if _, err := engine.BackendServices.Patch(project, "be", stale).Do(); !errors.As(err, &refused) ||
		refused.Code != 412 || refused.Errors[0].Reason != "conditionNotMet" {
		t.Errorf("with a stale fingerprint: %v, want 412 conditionNotMet", err)
	}
	wait(t, engine, "")(engine.BackendServices.Patch(project, "be", &compute.BackendService{
		Fingerprint: read.Fingerprint, Iap: &compute.BackendServiceIAP{Enabled: true},
	}).Do())
	after, err := engine.BackendServices.Get(project, "be").Do()
	if err != nil || !after.Iap.Enabled || after.Fingerprint == read.Fingerprint || len(after.Backends) != 1 ||
		after.UsedBy[0].Reference == "" {
		t.Errorf("after: %+v, %v", after, err)
	}
}

func letIn(t *testing.T, proxy *iap.Service) {
	t.Helper()
	const resource = "projects/" + project + "/iap_web/compute/services/be"
	policy, err := proxy.V1.GetIamPolicy(resource,
		&iap.GetIamPolicyRequest{Options: &iap.GetPolicyOptions{RequestedPolicyVersion: 3}}).Do()
	if err != nil || policy.Etag != "ACAB" {
		t.Fatalf("a policy that was never set: %+v, %v", policy, err)
	}
	policy.Bindings = []*iap.Binding{{Role: "roles/iap.httpsResourceAccessor",
		Members: []string{"user:alice@example.com", agent}}}
	written, err := proxy.V1.SetIamPolicy(resource, &iap.SetIamPolicyRequest{Policy: policy}).Do()
	if err != nil || written.Etag == policy.Etag {
		t.Fatalf("setting it: %+v, %v", written, err)
	}
	var refused *googleapi.Error
	if _, err := proxy.V1.SetIamPolicy(resource, &iap.SetIamPolicyRequest{Policy: policy}).Do(); !errors.As(err,
		&refused) || refused.Code != 409 {
		t.Errorf("setting it again with the old etag: %v, want 409", err)
	}
	settings, err := proxy.V1.GetIapSettings(resource).Do()
	if err != nil || settings.Name == resource || settings.AccessSettings != nil {
		t.Errorf("settings: %+v, %v; want only a canonical name", settings, err)
	}
}
