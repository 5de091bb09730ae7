package referee

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/test/games/play"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

// The project of the local clouds.
const (
	Project = "demo-project"
	Number  = "123456789012"
)

// Object is JSON.
type Object = map[string]any

// Cloud is a local cloud as anybody sees it.
type Cloud struct{ judge.World }

// Call makes an API call as a member, "" = as the project's owner.
func (c Cloud) Call(as, method, path string, body any) (status int, answer Object) {
	var sent bytes.Buffer
	if text, raw := body.([]byte); raw {
		sent.Write(text)
	} else if body != nil {
		// What the games send is maps, slices and strings.
		_ = json.NewEncoder(&sent).Encode(body)
	}
	request := httptest.NewRequest(method, "http://localhost"+path, &sent)
	request.Header.Set("Content-Type", "application/json")
	if as != "" {
		request.Header.Set("Authorization", "Bearer "+as)
	}
	recorder := httptest.NewRecorder()
	c.API.ServeHTTP(recorder, request)
	_ = json.Unmarshal(recorder.Body.Bytes(), &answer) // not every answer is an object
	return recorder.Code, answer
}

// The names of what a game has in the APIs.
func ServicePath(service string) string {
	return "/v2/projects/" + Project + "/locations/" + play.Region + "/services/" + service
}

// ComputePath is a collection of the project's load balancers.
func ComputePath(collection string) string {
	return "/compute/v1/projects/" + Project + "/global/" + collection
}

// IAPPath is IAP's name of a backend service.
func IAPPath(backend string) string {
	return "/v1/projects/" + Number + "/iap_web/compute/services/" + backend
}

// person is who knocks.
type person string

const (
	nobody   person = "somebody without credentials"
	stranger person = "a stranger with a Google account"
	alice    person = "alice"
	bob      person = "bob"
	carol    person = "carol"
)

var accounts = map[person]string{stranger: play.Stranger, alice: play.Alice, bob: play.Bob, carol: play.Carol}

// people are all who knock, the least privileged first.
var people = []person{nobody, stranger, alice, bob, carol}

// visit is that somebody gets to a service at an address.
type visit struct {
	who              person
	service, address string
}

func (v visit) String() string { return fmt.Sprintf("%s at %s", v.who, v.address) }

// facts are what the APIs say of a service.
type facts struct {
	there    bool
	uid      string
	made     time.Time
	public   bool     // everybody, or every account, may invoke it
	invokers []string // of all roles
	iap      bool     // on at its own backend service
	passes   []string // IAP's policy there
	agent    bool     // IAP's agent may invoke it
	balanced bool     // its own load balancer has a frontend
	config   string   // the service and its invoker policy, without what changes by itself
}

// state is a cloud at one moment.
type state struct {
	in    map[visit]bool
	facts map[string]facts
}

// look looks at a cloud: it knocks at every door.
func (c Cloud) look(game play.Game) state {
	s := state{in: map[visit]bool{}, facts: map[string]facts{}}
	frontends := c.frontends()
	for _, service := range game.Services {
		s.facts[service.Name] = c.factsOf(service.Name, frontends)
		c.knock(s, address{scheme: "https", host: service.Name + "-" + Number + "." + play.Region + ".run.app"})
		for _, name := range []string{play.Frontend(service.Name), play.SideFrontend(service.Name)} {
			for _, scheme := range []string{"https", "http"} {
				if ip := frontends[name+"-"+scheme]; ip != "" {
					c.knock(s, address{scheme, name + ".example.com", ip})
				}
			}
		}
	}
	return s
}

// address is where somebody knocks.
type address struct{ scheme, host, ip string }

// knock lets everybody try an address.
func (c Cloud) knock(s state, to address) {
	for _, who := range people {
		service := c.visit(to, accounts[who])
		if service == "" {
			continue
		}
		at := to.scheme + "://" + to.host
		s.in[visit{who, service, at}] = true
		if who == nobody {
			for _, other := range people {
				s.in[visit{other, service, at}] = true
			}
			return
		}
	}
}

// visit is which service a request comes to, "" = none.
func (c Cloud) visit(to address, account string) string {
	request := httptest.NewRequest(http.MethodGet, "http://"+to.host+"/", nil)
	request.Header.Set("X-Forwarded-Proto", to.scheme)
	request.Header.Set("Accept", "text/html")
	if to.ip != "" {
		request.Header.Set("X-Local-Frontend", to.ip)
	}
	if account != "" {
		request.Header.Set("X-Local-User", account)
		request.Header.Set("Authorization", "Bearer "+account)
	}
	recorder := httptest.NewRecorder()
	c.Doors.ServeHTTP(recorder, request)
	reached := recorder.Header().Get(judge.Reached)
	return reached[strings.LastIndexByte(reached, '/')+1:]
}

// frontends are the addresses of all forwarding rules, by name.
func (c Cloud) frontends() map[string]string {
	found := map[string]string{}
	_, list := c.Call("", http.MethodGet, ComputePath("forwardingRules"), nil)
	items, _ := list["items"].([]any)
	for _, each := range items {
		if rule, ok := each.(Object); ok {
			found[fmt.Sprint(rule["name"])] = fmt.Sprint(rule["IPAddress"])
		}
	}
	return found
}

// Policy reads the policy of a service, or IAP's of a backend service.
func (c Cloud) Policy(resource string) Object {
	var policy Object
	if strings.HasPrefix(resource, "/v2/") {
		_, policy = c.Call("", http.MethodGet, resource+":getIamPolicy?options.requestedPolicyVersion=3", nil)
	} else {
		_, policy = c.Call("", http.MethodPost, resource+":getIamPolicy",
			Object{"options": Object{"requestedPolicyVersion": 3}})
	}
	return policy
}

// members are those of a policy.
func members(policy Object) []string {
	var all []string
	bindings, _ := policy["bindings"].([]any)
	for _, each := range bindings {
		binding, _ := each.(Object)
		list, _ := binding["members"].([]any)
		for _, member := range list {
			all = append(all, fmt.Sprint(member))
		}
	}
	return all
}

// public reports whether everybody, or every account, is among members.
func public(members []string) bool {
	return slices.Contains(members, "allUsers") || slices.Contains(members, "allAuthenticatedUsers")
}

// volatile are fields of a service that change by themselves.
var volatile = []string{"etag", "updateTime", "generation", "observedGeneration", "lastModifier", "conditions",
	"terminalCondition", "reconciling", "createTime", "uid",
	"latestCreatedRevision", "latestReadyRevision", "trafficStatuses"}

func (c Cloud) factsOf(service string, frontends map[string]string) facts {
	status, found := c.Call("", http.MethodGet, ServicePath(service), nil)
	if status != http.StatusOK {
		return facts{}
	}
	policy := c.Policy(ServicePath(service))
	f := facts{there: true, uid: fmt.Sprint(found["uid"]), invokers: members(policy),
		balanced: frontends[play.Frontend(service)+"-https"] != ""}
	f.made, _ = time.Parse(time.RFC3339Nano, fmt.Sprint(found["createTime"]))
	f.public = found["invokerIamDisabled"] == true || public(f.invokers)
	f.agent = slices.Contains(f.invokers, "serviceAccount:service-"+Number+"@gcp-sa-iap.iam.gserviceaccount.com")
	for _, field := range volatile {
		delete(found, field)
	}
	// Maps are encoded in one order.
	text, _ := json.Marshal([]any{found, policy["bindings"]})
	f.config = string(text)
	status, backend := c.Call("", http.MethodGet, ComputePath("backendServices/"+play.Backend(service)), nil)
	if status == http.StatusOK {
		iap, _ := backend["iap"].(Object)
		f.iap = iap["enabled"] == true
		f.passes = members(c.Policy(IAPPath(play.Backend(service))))
	}
	return f
}

// letsIn reports whether IAP at the service's own backend service lets somebody in.
func (f facts) letsIn(who person) bool { return f.iap && f.lists(who) }

// lists reports whether somebody is in IAP's policy there.
func (f facts) lists(who person) bool {
	return slices.ContainsFunc(f.passes, func(member string) bool {
		return member == "allUsers" || member == "allAuthenticatedUsers" ||
			who != nobody && strings.EqualFold(member, accounts[who])
	})
}
