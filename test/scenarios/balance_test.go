package scenarios

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
)

const (
	computePath = "/compute/v1/projects/" + playground.Project
	usCentral   = "projects/" + playground.Project + "/regions/us-central1"
	anywhere    = "projects/" + playground.Project + "/global"
)

// insert makes a compute resource as the developer.
func (p *play) insert(collection string, body map[string]any) error {
	_, err := p.client().Call(p.ctx, http.MethodPost, computePath+collection, body)
	return err
}

// serverless are the NEGs of a backend service: one for each service, all by one
// tag, or one by a mask.
func serverless(args []string) ([]map[string]any, error) {
	if mask := after(args, "mask"); mask != "" {
		return []map[string]any{{"urlMask": mask}}, nil
	}
	from := slices.Index(args, "before")
	if from < 0 || from+1 == len(args) {
		return nil, fmt.Errorf("write backend NAME before SERVICE... [by tag TAG], or backend NAME by mask MASK")
	}
	services, _, _ := strings.Cut(strings.Join(args[from+1:], " "), " by ")
	var negs []map[string]any
	for service := range strings.FieldsSeq(services) {
		to := map[string]any{"service": service}
		if tag := after(args, "tag"); tag != "" {
			to["tag"] = tag
		}
		negs = append(negs, to)
	}
	return negs, nil
}

func (p *play) makesBackend(args, _ []string) error {
	negs, err := serverless(args)
	if err != nil {
		return err
	}
	var backends []any
	for _, to := range negs {
		neg := args[0] + "-mask"
		if service, ok := to["service"]; ok {
			neg = fmt.Sprintf("%s-%s", args[0], service)
		}
		if err := p.insert("/regions/us-central1/networkEndpointGroups", map[string]any{
			"name": neg, "networkEndpointType": "SERVERLESS", "cloudRun": to,
		}); err != nil {
			return err
		}
		backends = append(backends, map[string]any{"group": usCentral + "/networkEndpointGroups/" + neg})
	}
	return p.insert("/global/backendServices", map[string]any{
		"name": args[0], "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS", "backends": backends,
	})
}

func (p *play) makesFrontend(args, _ []string) error {
	if len(args) < 2 || len(args) > 2 && args[2] != "at" {
		return fmt.Errorf("write frontend https|http NAME [at HOST...]")
	}
	scheme, name, hosts := args[0], args[1], []string{args[1] + ".example.com"}
	if len(args) > 3 {
		hosts = args[3:]
	}
	urlMap, proxy := name+"-"+scheme+"-map", name+"-"+scheme+"-proxy"
	if err := p.insert("/global/urlMaps", map[string]any{
		"name": urlMap, "defaultService": anywhere + "/backendServices/" + name,
		"hostRules":    []any{map[string]any{"hosts": hosts, "pathMatcher": "all"}},
		"pathMatchers": []any{map[string]any{"name": "all", "defaultService": anywhere + "/backendServices/" + name}},
	}); err != nil {
		return err
	}
	toProxy := map[string]any{"name": proxy, "urlMap": anywhere + "/urlMaps/" + urlMap}
	collection, port := "/global/targetHttpProxies", "80"
	if scheme == "https" {
		collection, port = "/global/targetHttpsProxies", "443"
		toProxy["sslCertificates"] = []any{anywhere + "/sslCertificates/" + name}
		if err := p.insert("/global/sslCertificates", map[string]any{
			"name": name, "type": "MANAGED", "managed": map[string]any{"domains": hosts},
		}); err != nil {
			return err
		}
	}
	if err := p.insert(collection, toProxy); err != nil {
		return err
	}
	err := p.insert("/global/forwardingRules", map[string]any{
		"name": name + "-" + scheme, "target": "projects/" + playground.Project + collection + "/" + proxy, "portRange": port,
		"loadBalancingScheme": "EXTERNAL_MANAGED", "IPProtocol": "TCP",
	})
	for _, host := range hosts {
		p.opens(host, scheme, host)
	}
	return err
}
