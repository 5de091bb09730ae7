package playground

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
)

// LoadBalanced is one Cloud Run service, public, behind an HTTPS load
// balancer: what a team deploys before anybody thinks of IAP.
type LoadBalanced struct {
	Service string
	Region  string
	// Regional makes the load balancer a regional one; otherwise it is global.
	Regional bool
	// Internal makes a regional one reachable from inside a network only.
	Internal bool
	Host     string
	// Frontend is the project of the load balancer but for its backend service: one that
	// refers to the backend service of another project; "" = Project.
	Frontend string
	// Of is the project of the service and of its load balancer; "" = Project.
	Of string
	// As begins the names of the load balancer's parts; "" = the service's name.
	As string
}

// Scenario is the built-in one: a service behind a global and one behind a
// regional load balancer.
var Scenario = []LoadBalanced{
	{Service: "hello", Region: "us-central1", Host: "hello.example.com"},
	{Service: "billing", Region: "europe-west1", Regional: true, Host: "billing.example.com"},
}

// Play deploys the scenario's services as a developer would, each with its load
// balancer. It returns when all of that exists; events are still on their way.
func (p *Playground) Play(ctx context.Context) error {
	developer := Client{URL: p.URL(), Caller: Developer}
	for _, service := range Scenario {
		if err := service.Deploy(ctx, developer); err != nil {
			return fmt.Errorf("playing the scenario: deploying %s: %w", service.Service, err)
		}
		if err := service.Balance(ctx, developer); err != nil {
			return fmt.Errorf("playing the scenario: putting a load balancer before %s: %w", service.Service, err)
		}
	}
	return nil
}

// Image is what the scenario's services run.
const Image = "us-docker.pkg.dev/cloudrun/container/hello"

// Name is the service's full resource name.
func (l LoadBalanced) Name() string {
	return "projects/" + l.project() + "/locations/" + l.Region + "/services/" + l.Service
}

func (l LoadBalanced) project() string { return cmp.Or(l.Of, Project) }

// Backend is the name of its backend service.
func (l LoadBalanced) Backend() string { return cmp.Or(l.As, l.Service) + "-backend" }

// Deploy makes the service, public, and waits until it is ready.
func (l LoadBalanced) Deploy(ctx context.Context, client Client) error {
	parent := "/v2/projects/" + l.project() + "/locations/" + l.Region
	if _, err := client.Call(ctx, http.MethodPost, parent+"/services?serviceId="+l.Service, map[string]any{
		"template": map[string]any{"containers": []any{map[string]any{"image": Image}}},
	}); err != nil {
		return err
	}
	_, err := client.Call(ctx, http.MethodPost, "/v2/"+l.Name()+":setIamPolicy", map[string]any{
		"policy": map[string]any{"bindings": []any{
			map[string]any{"role": "roles/run.invoker", "members": []any{"allUsers"}}}},
	})
	return err
}

// Balance puts the load balancer before the service, from the inside out, as
// Terraform and people do: the address comes last.
func (l LoadBalanced) Balance(ctx context.Context, client Client) error {
	parts, err := l.parts()
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err := client.Call(ctx, http.MethodPost, "/compute/v1/projects/"+part.project+part.collection,
			part.body); err != nil {
			return err
		}
	}
	return nil
}

type part struct {
	project, collection string
	body                map[string]any
}

func (l LoadBalanced) parts() ([]part, error) {
	region := "/regions/" + l.Region
	scope, proxies := "/global", "/global/targetHttpsProxies"
	if l.Regional {
		scope, proxies = region, region+"/targetHttpsProxies"
	}
	own, frontend := l.project(), cmp.Or(l.Frontend, l.project())
	link := func(project, collection, name string) string { return "projects/" + project + collection + "/" + name }
	scheme, name := "EXTERNAL_MANAGED", cmp.Or(l.As, l.Service)
	if l.Internal {
		scheme = "INTERNAL_MANAGED"
	}
	neg, urlMap, certificate, proxy := name+"-neg", name+"-map", name+"-certificate", name+"-proxy"
	made, err := l.certificate(certificate)
	return []part{
		{own, region + "/networkEndpointGroups", map[string]any{
			"name": neg, "networkEndpointType": "SERVERLESS", "cloudRun": map[string]any{"service": l.Service},
		}},
		{own, scope + "/backendServices", map[string]any{
			"name": l.Backend(), "loadBalancingScheme": scheme, "protocol": "HTTPS",
			"backends": []any{map[string]any{"group": link(own, region+"/networkEndpointGroups", neg)}},
		}},
		{frontend, scope + "/urlMaps", map[string]any{
			"name": urlMap, "defaultService": link(own, scope+"/backendServices", l.Backend()),
		}},
		{frontend, scope + "/sslCertificates", made},
		{frontend, proxies, map[string]any{
			"name": proxy, "urlMap": link(frontend, scope+"/urlMaps", urlMap),
			"sslCertificates": []any{link(frontend, scope+"/sslCertificates", certificate)},
		}},
		{frontend, scope + "/forwardingRules", map[string]any{
			"name": name + "-https", "target": link(frontend, proxies, proxy), "portRange": "443",
			"loadBalancingScheme": scheme, "IPProtocol": "TCP",
		}},
	}, err
}

// certificate is managed by Google where there is such a thing.
func (l LoadBalanced) certificate(name string) (map[string]any, error) {
	if !l.Regional {
		return map[string]any{"name": name, "type": "MANAGED", "managed": map[string]any{"domains": []any{l.Host}}}, nil
	}
	certificate, key, err := selfSigned(l.Host)
	return map[string]any{"name": name, "certificate": certificate, "privateKey": key}, err
}
