package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// action is a button, with the lines that do the same in a shell.
type action struct {
	ID, Label, Why string
	Lines          []string
	Off            string // why it cannot be pressed now, "" = it can

	Service string // full name of the service that it is about, "" = none

	do func(context.Context) error
}

// terraform is the user agent of Terraform's Google provider.
const terraform = "Terraform/1.13.4 (+https://www.terraform.io) Terraform-Plugin-SDK/2.38.1 " +
	"terraform-provider-google/7.45.0"

// all are the buttons that there are now: those of the project first, then those of each service.
func (c *Console) all(v view) []action {
	list := c.projectActions(v)
	for _, each := range v.Services {
		list = append(list, c.serviceActions(each)...)
	}
	return list
}

// find is a button of now.
func (c *Console) find(v view, id, service string) (action, bool) {
	all := c.all(v)
	i := slices.IndexFunc(all, func(a action) bool { return a.ID == id && (service == "" || a.Service == service) })
	if i < 0 {
		return action{}, false
	}
	return all[i], true
}

// shop is the service that the next deployment makes.
func shop(v view) playground.LoadBalanced {
	name := "shop"
	for n := 2; slices.ContainsFunc(v.Services, func(s service) bool { return s.Short == name }); n++ {
		name = fmt.Sprint("shop-", n)
	}
	return playground.LoadBalanced{Service: name, Region: playground.FunctionRegion, Host: name + ".example.com"}
}

func targetOf(l playground.LoadBalanced) posture.Target {
	return posture.Target{Project: playground.Project, Location: l.Region, Service: l.Service}
}

// owner calls as who types at a terminal.
func (c *Console) owner() playground.Client { return playground.Client{URL: c.running.URL()} }

// projectActions are the buttons that are about no service that is there.
func (c *Console) projectActions(v view) []action {
	project, next := "projects/"+playground.Project, shop(v)
	list := []action{{ID: "deploy", Label: "Deploy a public service", Service: next.Name(),
		Why:   "A team deploys " + next.Service + ", open to everybody, as teams do.",
		Lines: []string{command.DeployPublic(targetOf(next), playground.Image).String()},
		do:    func(ctx context.Context) error { return next.Deploy(ctx, c.owner()) },
	}}
	if !c.options.Guarded {
		return list
	}
	list = append(list, c.typed("hold", "Hold every write", "The switch for bad days: iapguard looks, and writes nothing.",
		"hold", project, "--for", "10m", "--reason", "try it"),
		c.typed("resume", "Resume", "Writes are allowed again, and what waited is done.", "resume", project),
		c.published("sweep", "Send a command", "A sweep looks at every service, whatever was missed.",
			map[string]string{"command": "sweep", "target": project}))
	if c.options.Play != nil && c.paused.Load() {
		play := request{http.MethodPost, c.running.URL() + "/console/do", [][2]string{{"Content-Type", "application/json"}},
			`{"action":"play"}`}
		list = append([]action{{ID: "play", Label: "Start: two teams deploy",
			Why:   "hello and billing go online, each public and behind a load balancer. Nobody thinks of IAP.",
			Lines: []string{play.curl()},
			do: func(ctx context.Context) error {
				if !c.paused.CompareAndSwap(true, false) {
					return errors.New("the scenario has been played")
				}
				return c.options.Play(ctx)
			}}}, list...)
	}
	return list
}

// typed is a button that is a command of iapguard's.
func (c *Console) typed(id, label, why string, args ...string) action {
	words := []string{"iapguard"}
	for _, each := range args {
		words = append(words, command.Quote(each))
	}
	return action{ID: id, Label: label, Why: why, Lines: []string{strings.Join(words, " ")},
		do: func(ctx context.Context) error { return c.options.Command(ctx, args...) }}
}

// published is a button that sends a command to the function's topic.
func (c *Console) published(id, label, why string, message map[string]string) action {
	text, err := json.Marshal(message)
	_, topic, _ := strings.Cut(playground.CommandsTopic, "/topics/")
	return action{ID: id, Label: label, Why: why,
		Lines: []string{command.Publish(topic, playground.Project, string(text)).String()},
		do: func(ctx context.Context) error {
			if err != nil {
				return fmt.Errorf("writing the command: %w", err)
			}
			_, err := c.owner().Call(ctx, http.MethodPost, "/v1/"+playground.CommandsTopic+":publish",
				map[string]any{"messages": []any{map[string]any{"data": text}}})
			return err
		}}
}

// serviceActions are the buttons about a service.
func (c *Console) serviceActions(s service) []action {
	t := s.posture.Target
	agent := s.posture.Agent()
	list := []action{
		c.balance(s),
		{ID: "public", Label: "Open it to the internet",
			Why:   "Somebody debugs at night: any way in, and anybody may invoke it.",
			Lines: []string{command.SetIngress(t, posture.IngressAll).String(), command.GrantInvoker(t, allUsers).String()},
			do: func(ctx context.Context) error {
				if _, err := c.owner().Call(ctx, http.MethodPatch, "/v2/"+s.Name+"?updateMask=ingress",
					map[string]any{"ingress": "INGRESS_TRAFFIC_ALL"}); err != nil {
					return err
				}
				return c.setInvoker(ctx, s.Name, allUsers, true)
			}},
		{ID: "revoke", Label: "Take IAP's grant away",
			Why:   "IAP's service agent may no longer invoke the service: visitors get 403.",
			Lines: []string{command.RevokeInvoker(t, posture.RoleInvoker, agent, false).String()},
			Off:   unless(s.posture.Invokers.Names(agent), "IAP's agent has no grant here"),
			do:    func(ctx context.Context) error { return c.setInvoker(ctx, s.Name, agent, false) }},
		c.turnOff(s),
		c.stick(s),
	}
	if c.options.Guarded {
		doctor := c.published("doctor", "Ask the doctor", "Why does it answer 403? A revision that is stuck is redeployed.",
			map[string]string{"command": "doctor", "target": s.Name})
		list = append(list, doctor)
	}
	for i := range list {
		list[i].Service = s.Name
	}
	return list
}

const allUsers = "allUsers"

// unless is a reason where a condition is not met.
func unless(met bool, reason string) string {
	if met {
		return ""
	}
	return reason
}

// balance builds a load balancer before a service.
func (c *Console) balance(s service) action {
	t := s.posture.Target
	l := playground.LoadBalanced{Service: t.Service, Region: t.Location, Host: t.Service + ".example.com"}
	a := action{ID: "balance", Label: "Build its load balancer",
		Why: "IAP needs one: its frontend becomes the door for people.",
		Off: unless(len(s.posture.Backends) == 0, "it has one"),
		do:  func(ctx context.Context) error { return l.Balance(ctx, c.owner()) }}
	for _, each := range command.BuildBalancer(command.Balancer{NEG: t.Service + "-neg", Backend: l.Backend(),
		URLMap: t.Service + "-map", Certificate: t.Service + "-certificate", Proxy: t.Service + "-proxy",
		Rule: t.Service + "-https", Host: l.Host}, t) {
		a.Lines = append(a.Lines, each.String())
	}
	return a
}

// turnOff turns IAP off as Terraform does when its configuration does not have it.
func (c *Console) turnOff(s service) action {
	a := action{ID: "terraform", Label: "Turn IAP off, as Terraform",
		Why: "A pipeline applies a configuration that does not know of IAP. Press it again and again: iapguard names who keeps undoing it, and the fix at the source.",
		Off: "IAP is not on at a load balancer"}
	for _, each := range s.posture.Backends {
		if !each.IAPOn {
			continue
		}
		place := "global"
		if each.Location != posture.Global {
			place = "regions/" + each.Location
		}
		backend := "/compute/v1/projects/" + each.Project + "/" + place + "/backendServices/" + each.Name
		r := request{http.MethodPatch, c.running.URL() + backend, [][2]string{{"User-Agent", terraform},
			{"Authorization", "Bearer " + playground.Developer}, {"Content-Type", "application/json"}},
			`{"iap": {"enabled": false}}`}
		a.Off, a.Lines = "", []string{r.curl()}
		a.do = r.mustSend
		break
	}
	return a
}

// stick makes the running revision refuse IAP's agent, and lets alice find that out.
func (c *Console) stick(s service) action {
	a := action{ID: "stuck", Label: "Cause the stuck 403", Off: "nobody comes through IAP yet",
		Why: "Rarely, a revision goes on refusing IAP although the grant is there. Alice gets 403 until a redeploy."}
	for _, each := range s.Doors {
		if !each.guarded() {
			continue
		}
		fault := request{http.MethodPost, c.running.URL() + "/_local/faults", nil,
			`[{"action": "stuck-grant", "service": "` + s.Name + `", "until": "redeploy"}]`}
		visit := request{http.MethodGet, c.running.DataURL() + each.path,
			[][2]string{{"Host", each.host}, {"X-Local-User", visitors[1]}}, ""}
		a.Off, a.Lines = "", []string{fault.curl(), visit.curl()}
		a.do = func(ctx context.Context) error {
			if err := fault.mustSend(ctx); err != nil {
				return err
			}
			_, err := visit.send(ctx)
			return err
		}
		break
	}
	return a
}

// setInvoker adds a member to who may invoke a service, or takes it away. As gcloud does, it
// reads again what somebody else has changed meanwhile.
func (c *Console) setInvoker(ctx context.Context, service, member string, add bool) error {
	var err error
	for range 5 {
		if err = c.setInvokerOnce(ctx, service, member, add); err == nil {
			return nil
		}
	}
	return err
}

func (c *Console) setInvokerOnce(ctx context.Context, service, member string, add bool) error {
	policy, err := c.owner().Call(ctx, http.MethodGet, "/v2/"+service+":getIamPolicy", nil)
	if err != nil {
		return err
	}
	bindings, _ := policy["bindings"].([]any)
	for _, each := range bindings {
		if binding, _ := each.(map[string]any); binding["role"] == posture.RoleInvoker && binding["condition"] == nil {
			members, _ := binding["members"].([]any)
			binding["members"] = slices.DeleteFunc(members, func(m any) bool { return m == member })
		}
	}
	if add {
		bindings = append(bindings, map[string]any{"role": posture.RoleInvoker, "members": []any{member}})
	}
	policy["bindings"] = bindings
	_, err = c.owner().Call(ctx, http.MethodPost, "/v2/"+service+":setIamPolicy", map[string]any{"policy": policy})
	return err
}

// request is an HTTP request that a button makes, and that curl makes when its line is pasted.
type request struct {
	method, url string
	header      [][2]string
	body        string
}

// curl is the request as a line for a shell.
func (r request) curl() string {
	words := []string{"curl", "-i"}
	if r.method != http.MethodGet && r.method != http.MethodPost {
		words = append(words, "-X", r.method)
	}
	for _, each := range r.header {
		words = append(words, "-H", command.Quote(each[0]+": "+each[1]))
	}
	if r.body != "" {
		words = append(words, "-d", command.Quote(r.body))
	}
	return strings.Join(append(words, command.Quote(r.url)), " ")
}

// send makes the request, and returns its answer. Redirects are answers.
func (r request) send(ctx context.Context) (*answered, error) {
	made, err := http.NewRequestWithContext(ctx, r.method, r.url, strings.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", r.url, err)
	}
	for _, each := range r.header {
		if each[0] == "Host" {
			made.Host = each[1]
			continue
		}
		made.Header.Set(each[0], each[1])
	}
	response, err := http.DefaultTransport.RoundTrip(made)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", r.url, err)
	}
	defer response.Body.Close()
	got := &answered{header: response.Header, status: response.StatusCode}
	if _, err := io.Copy(&got.body, io.LimitReader(response.Body, 1<<16)); err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", r.url, err)
	}
	return got, nil
}

// mustSend makes a request to an API, which fails unless it is carried out.
func (r request) mustSend(ctx context.Context) error {
	got, err := r.send(ctx)
	if err == nil && got.status >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: %d %.300s", r.method, r.url, got.status, strings.TrimSpace(got.body.String()))
	}
	return err
}
