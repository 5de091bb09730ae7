package scenarios

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
)

// call makes a call of Google's API that must succeed, and waits for the
// operation that it may start.
func (p *play) call(method, path string, body any) map[string]any {
	p.t.Helper()
	client := playground.Client{URL: p.playground.URL(), Caller: p.caller, UserAgent: p.agent, Leaves: p.leaves}
	answer, err := client.Call(p.ctx, method, path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// refused makes a call that must be refused, and says how it is.
func (p *play) refused(args []string) ([]string, error) {
	if len(args) < 3 {
		return nil, fmt.Errorf("write refused METHOD PATH BODY")
	}
	request, err := http.NewRequestWithContext(p.ctx, args[0], p.playground.URL()+args[1],
		strings.NewReader(strings.Join(args[2:], " ")))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Error struct{ Status, Message string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error.Message == "" {
		return nil, fmt.Errorf("the call is answered %s", response.Status)
	}
	return []string{fmt.Sprintf("%d %s: %s", response.StatusCode, answer.Error.Status, answer.Error.Message)}, nil
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
	request, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.playground.URL()+"/_local/faults",
		strings.NewReader(list))
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

// service reads SERVICE [in REGION] [of PROJECT] [regionally|internally] [as NAME] [from PROJECT].
func service(args []string) (playground.LoadBalanced, error) {
	if len(args) == 0 {
		return playground.LoadBalanced{}, fmt.Errorf("which service?")
	}
	s := playground.LoadBalanced{Service: args[0], Region: "us-central1", As: after(args, "as"), Frontend: after(args, "from"),
		Of: after(args, "of")}
	s.Host = cmp.Or(s.As, s.Service) + ".example.com"
	s.Region = cmp.Or(after(args, "in"), s.Region)
	s.Internal = slices.Contains(args, "internally")
	s.Regional = s.Internal || slices.Contains(args, "regionally")
	return s, nil
}

// after is the word that follows another one, "" where there is none.
func after(args []string, word string) string {
	if i := slices.Index(args, word); i > 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func (p *play) client() playground.Client {
	return playground.Client{URL: p.playground.URL(), Caller: playground.Developer}
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

// maps leads a domain to a service, as gcloud beta run domain-mappings does.
func (p *play) maps(args, _ []string) error {
	if len(args) < 3 || args[1] != "to" {
		return fmt.Errorf("write map DOMAIN to SERVICE [in REGION]")
	}
	s, err := service(args[2:])
	if err != nil {
		return err
	}
	_, err = p.client().Call(p.ctx, http.MethodPost, "/v1/projects/"+playground.Project+"/locations/"+s.Region+
		"/domainmappings", map[string]any{
		"apiVersion": "domains.cloudrun.com/v1", "kind": "DomainMapping",
		"metadata": map[string]any{"name": args[0], "namespace": playground.Project},
		"spec":     map[string]any{"routeName": s.Service},
	})
	p.opens(args[0], "https", args[0])
	return err
}

// refuses lets the local cloud answer the function with 403 to some methods,
// and to none that was named before.
func (p *play) refuses(args, _ []string) error {
	faults := []any{}
	for _, method := range args {
		faults = append(faults, map[string]any{
			"action": "status", "method": method, "principal": "serviceAccount:" + playground.FunctionAccount,
			"status": http.StatusForbidden,
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

// grants gives somebody a role on the project, as its owner.
func (p *play) grants(args, _ []string) error {
	return p.onProject(args, func(all []any, one map[string]any) []any { return append(all, one) })
}

// revokes takes away what grants gave.
func (p *play) revokes(args, _ []string) error {
	return p.onProject(args, func(all []any, one map[string]any) []any {
		return slices.DeleteFunc(all, func(other any) bool { return reflect.DeepEqual(other, any(one)) })
	})
}

// onProject changes the project's policy by one binding.
func (p *play) onProject(args []string, change func(all []any, one map[string]any) []any) error {
	if len(args) != 2 {
		return fmt.Errorf("write grant or revoke MEMBER ROLE")
	}
	owner, project := playground.Client{URL: p.playground.URL()}, "/v1/projects/"+playground.Project
	policy, err := owner.Call(p.ctx, http.MethodPost, project+":getIamPolicy", nil)
	if err != nil {
		return err
	}
	bindings, _ := policy["bindings"].([]any)
	policy["bindings"] = change(bindings, map[string]any{"role": args[1], "members": []any{args[0]}})
	_, err = owner.Call(p.ctx, http.MethodPost, project+":setIamPolicy", map[string]any{"policy": policy})
	return err
}
