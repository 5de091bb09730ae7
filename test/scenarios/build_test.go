package scenarios

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
)

// call makes a call of Google's API that must succeed, and waits for the
// operation that it may start.
func (p *play) call(method, path string, body any) map[string]any {
	p.t.Helper()
	client := stage.Client{URL: p.stage.URL(), Caller: p.caller, UserAgent: p.agent, Leaves: p.leaves}
	answer, err := client.Call(p.ctx, method, path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// fails sets how the local cloud fails from now on; no block ends all.
func (p *play) fails(_, block []string) error {
	return p.setFaults(strings.Join(block, "\n"))
}

// setFaults posts a JSON list of faults; "" is an empty one.
func (p *play) setFaults(list string) error {
	if list == "" {
		list = "[]"
	}
	request, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.stage.URL()+"/_local/faults", strings.NewReader(list))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(response.Body)
		return fmt.Errorf("setting faults: %s: %s", response.Status, answer)
	}
	return nil
}

// calls makes the call that a story writes, with its block as the body.
func (p *play) calls(args, block []string) error {
	if len(args) != 2 {
		return fmt.Errorf("write call METHOD PATH")
	}
	var body any
	if len(block) > 0 {
		if err := json.Unmarshal([]byte(strings.Join(block, "\n")), &body); err != nil {
			return err
		}
	}
	p.call(args[0], args[1], body)
	return nil
}

// service reads SERVICE [in REGION] [regionally].
func service(args []string) (stage.LoadBalanced, error) {
	if len(args) == 0 {
		return stage.LoadBalanced{}, fmt.Errorf("which service?")
	}
	s := stage.LoadBalanced{Service: args[0], Region: "us-central1", Host: args[0] + ".example.com"}
	if i := slices.Index(args, "in"); i > 0 && i+1 < len(args) {
		s.Region = args[i+1]
	}
	s.Regional = slices.Contains(args, "regionally")
	return s, nil
}

func (p *play) client() stage.Client {
	return stage.Client{URL: p.stage.URL(), Caller: stage.Developer}
}

func (p *play) deploys(args, _ []string) error {
	s, err := service(args)
	if err != nil {
		return err
	}
	if err := s.Deploy(p.ctx, p.client()); err != nil {
		return err
	}
	p.defaultURL(s)
	return nil
}

func (p *play) balances(args, _ []string) error {
	s, err := service(args)
	if err != nil {
		return err
	}
	if err := s.Balance(p.ctx, p.client()); err != nil {
		return err
	}
	p.opens(s.Host, "https", s.Host)
	return nil
}

const (
	computePath = "/compute/v1/projects/" + stage.Project
	usCentral   = "projects/" + stage.Project + "/regions/us-central1"
	anywhere    = "projects/" + stage.Project + "/global"
)

// insert makes a compute resource as the developer.
func (p *play) insert(collection string, body map[string]any) error {
	_, err := p.client().Call(p.ctx, http.MethodPost, computePath+collection, body)
	return err
}

func (p *play) makesBackend(args, _ []string) error {
	if len(args) < 3 || args[1] != "before" {
		return fmt.Errorf("write backend NAME before SERVICE...")
	}
	var backends []any
	for _, service := range args[2:] {
		neg := args[0] + "-" + service
		if err := p.insert("/regions/us-central1/networkEndpointGroups", map[string]any{
			"name": neg, "networkEndpointType": "SERVERLESS", "cloudRun": map[string]any{"service": service},
		}); err != nil {
			return err
		}
		backends = append(backends, map[string]any{"group": usCentral + "/networkEndpointGroups/" + neg})
	}
	return p.insert("/global/backendServices", map[string]any{
		"name": args[0], "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS", "backends": backends,
	})
}

// maps leads a domain to a service, as gcloud beta run domain-mappings does.
func (p *play) maps(args, _ []string) error {
	if len(args) < 3 || args[1] != "to" {
		return fmt.Errorf("write map DOMAIN to SERVICE [in REGION]")
	}
	s, err := service(args[2:])
	if err != nil {
		return err
	}
	_, err = p.client().Call(p.ctx, http.MethodPost, "/v1/projects/"+stage.Project+"/locations/"+s.Region+"/domainmappings", map[string]any{
		"apiVersion": "domains.cloudrun.com/v1", "kind": "DomainMapping",
		"metadata": map[string]any{"name": args[0], "namespace": stage.Project}, "spec": map[string]any{"routeName": s.Service},
	})
	p.opens(args[0], "https", args[0])
	return err
}

func (p *play) makesFrontend(args, _ []string) error {
	if len(args) != 2 {
		return fmt.Errorf("write frontend https|http NAME")
	}
	scheme, name := args[0], args[1]
	host, urlMap, proxy := name+".example.com", name+"-"+scheme+"-map", name+"-"+scheme+"-proxy"
	toProxy := map[string]any{"name": proxy, "urlMap": anywhere + "/urlMaps/" + urlMap}
	collection, port := "/global/targetHttpProxies", "80"
	parts := []struct {
		collection string
		body       map[string]any
	}{{"/global/urlMaps", map[string]any{
		"name": urlMap, "defaultService": anywhere + "/backendServices/" + name,
		"hostRules":    []any{map[string]any{"hosts": []any{host}, "pathMatcher": "all"}},
		"pathMatchers": []any{map[string]any{"name": "all", "defaultService": anywhere + "/backendServices/" + name}},
	}}}
	if scheme == "https" {
		collection, port = "/global/targetHttpsProxies", "443"
		toProxy["sslCertificates"] = []any{anywhere + "/sslCertificates/" + name}
		parts = append(parts, struct {
			collection string
			body       map[string]any
		}{"/global/sslCertificates", map[string]any{"name": name, "type": "MANAGED", "managed": map[string]any{"domains": []any{host}}}})
	}
	for _, part := range parts {
		if err := p.insert(part.collection, part.body); err != nil {
			return err
		}
	}
	if err := p.insert(collection, toProxy); err != nil {
		return err
	}
	err := p.insert("/global/forwardingRules", map[string]any{
		"name": name + "-" + scheme, "target": "projects/" + stage.Project + collection + "/" + proxy, "portRange": port,
		"loadBalancingScheme": "EXTERNAL_MANAGED", "IPProtocol": "TCP",
	})
	p.opens(host, scheme, host)
	return err
}

// refuses lets the local cloud answer the function with 403 to some methods,
// and to none that was named before.
func (p *play) refuses(args, _ []string) error {
	faults := []any{}
	for _, method := range args {
		faults = append(faults, map[string]any{
			"action": "status", "method": method, "principal": "serviceAccount:" + stage.FunctionAccount, "status": http.StatusForbidden,
		})
	}
	return p.setFaults(jsonText(faults))
}

// lates lets changes of load balancers and IAP, from now on, take effect late.
func (p *play) lates(args, _ []string) error {
	if len(args) != 1 {
		return fmt.Errorf("write late DURATION")
	}
	return p.setFaults(jsonText([]any{map[string]any{"action": "late-settings", "delay": args[0]}}))
}
