package games

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/kind/consent"
	"github.com/iapguard/iapguard/test/games/play"
	"github.com/iapguard/iapguard/test/games/referee"
)

type object = referee.Object

// mover makes moves in one cloud.
type mover struct {
	world   *world
	cloud   referee.Cloud
	guarded bool
}

// call calls as the account that a move needs. A move may be refused: what it is about may
// not be there.
func (m mover) call(as kind.Right, method, path string, body any) (int, object) {
	status, answer := m.cloud.Call(accounts[as], method, path, body)
	if status == http.StatusForbidden {
		m.world.t.Errorf("a move is not possible: %s %s: %d %v", method, path, status, answer)
	}
	return status, answer
}

// make makes a move. What is forged for iapguard alone is forged where it is.
func (m mover) make(move play.Move) {
	s := move.Service
	if move.Kind == consent.ApproverOpen {
		m.bind(consent.People, referee.ServicePath(s), invoker, "allUsers")
		return
	}
	switch move.Kind.Right() {
	case kind.Deployer:
		m.deploy(move)
	case kind.Balancer:
		m.balance(move)
	case kind.IAPAdmin:
		m.admit(move)
	case kind.LogWriter:
		m.log(move)
	case kind.Publisher:
		m.publish(move.Kind, s)
	case kind.Rewriter:
		m.rewrite(move.Kind, s)
	default:
		m.attack(move)
	}
}

const invoker = "roles/run.invoker"

func (m mover) deploy(move play.Move) {
	path := referee.ServicePath(move.Service)
	patch := func(mask string, body object) {
		m.call(kind.Deployer, http.MethodPatch, path+"?updateMask="+mask, body)
	}
	switch move.Kind {
	case kind.Publish:
		m.bind(kind.Deployer, path, invoker, "allUsers")
	case kind.AddInvoker:
		m.bind(kind.Deployer, path, invoker, move.Who)
	case kind.Unpublish:
		m.unbind(kind.Deployer, path, func(member string) bool {
			return member == "allUsers" || member == "allAuthenticatedUsers"
		})
	case kind.DropAgent:
		m.unbind(kind.Deployer, path, func(member string) bool { return strings.Contains(member, "gcp-sa-iap") })
	case kind.Overwrite:
		m.call(kind.Deployer, http.MethodPost, path+":setIamPolicy", object{"policy": object{
			"bindings": []any{object{"role": invoker, "members": []any{"allUsers"}}}}})
	case kind.OpenIngress:
		patch("ingress", object{"ingress": "INGRESS_TRAFFIC_ALL"})
	case kind.CheckOff, kind.CheckOn:
		patch("invokerIamDisabled", object{"invokerIamDisabled": move.Kind == kind.CheckOff})
	case kind.Touch:
		patch("labels", object{"labels": object{"touched": fmt.Sprint(time.Now().Unix())}})
	case kind.Delete:
		m.call(kind.Deployer, http.MethodDelete, path, nil)
	case kind.Create, kind.CreateHidden:
		parent, _, _ := strings.Cut(path, "/"+move.Service)
		status, _ := m.call(kind.Deployer, http.MethodPost, parent+"?serviceId="+move.Service, object{
			"template": object{"containers": []any{object{"image": "us-docker.pkg.dev/cloudrun/container/hello"}}}})
		if status == http.StatusOK && move.Kind == kind.Create {
			m.bind(kind.Deployer, path, invoker, "allUsers")
		}
	}
}

// bind adds a member to a policy as gcloud does.
func (m mover) bind(as kind.Right, resource, role, member string) {
	policy := m.cloud.Policy(resource)
	bindings, _ := policy["bindings"].([]any)
	m.set(as, resource, policy, append(bindings, object{"role": role, "members": []any{member}}))
}

// unbind takes members out of a policy.
func (m mover) unbind(as kind.Right, resource string, which func(string) bool) {
	policy := m.cloud.Policy(resource)
	bindings, _ := policy["bindings"].([]any)
	for _, each := range bindings {
		binding := each.(object)
		members, _ := binding["members"].([]any)
		binding["members"] = slices.DeleteFunc(members, func(member any) bool { return which(fmt.Sprint(member)) })
	}
	m.set(as, resource, policy, slices.DeleteFunc(bindings, func(each any) bool {
		return len(each.(object)["members"].([]any)) == 0
	}))
}

func (m mover) set(as kind.Right, resource string, policy object, bindings []any) {
	if policy["error"] != nil {
		return // there is no such resource
	}
	m.call(as, http.MethodPost, resource+":setIamPolicy",
		object{"policy": object{"version": 3, "etag": policy["etag"], "bindings": bindings}})
}

func (m mover) admit(move play.Move) {
	resource := referee.IAPPath(play.Backend(move.Service))
	const role = "roles/iap.httpsResourceAccessor"
	if status, _ := m.cloud.Call("", http.MethodGet, referee.ComputePath("backendServices/"+play.Backend(move.Service)),
		nil); status != http.StatusOK {
		return
	}
	switch move.Kind {
	case kind.LetIn:
		m.bind(kind.IAPAdmin, resource, role, move.Who)
	case kind.KeepOut:
		m.unbind(kind.IAPAdmin, resource, func(member string) bool { return strings.EqualFold(member, move.Who) })
	case kind.NobodyGetsIn:
		m.call(kind.IAPAdmin, http.MethodPost, resource+":setIamPolicy", object{"policy": object{"bindings": []any{}}})
	}
}

func link(collection, name string) string {
	return "projects/" + referee.Project + "/global/" + collection + "/" + name
}

func (m mover) balance(move play.Move) {
	s := move.Service
	own := referee.ComputePath("backendServices/" + play.Backend(s))
	patch := func(path string, body object) { m.patch(path, body) }
	switch move.Kind {
	case kind.IAPOn, kind.IAPOff:
		patch(own, object{"iap": object{"enabled": move.Kind == kind.IAPOn}})
	case kind.CDN:
		patch(own, object{"enableCDN": true})
	case kind.Balance:
		m.backend(s, play.Backend(s), object{"cloudRun": object{"service": s}})
		m.frontend(play.Backend(s), play.Frontend(s), true)
	case kind.SideBalance, kind.SidePlain:
		m.backend(s, play.SideBackend(s), object{"cloudRun": object{"service": s}})
		m.frontend(play.SideBackend(s), play.SideFrontend(s), move.Kind == kind.SideBalance)
	case kind.SideUnreached:
		m.backend(s, play.SideBackend(s), object{"cloudRun": object{"service": s}})
	case kind.SideMask:
		m.backend(s, "mask-"+s, object{"cloudRun": object{"urlMask": "/<service>"}})
	case kind.SideGone:
		for _, scheme := range []string{"https", "http"} {
			m.remove("forwardingRules/" + play.SideFrontend(s) + "-" + scheme)
		}
	case kind.Reroute:
		patch(referee.ComputePath("urlMaps/"+play.Frontend(s)), object{"defaultService": nil,
			"defaultUrlRedirect": object{"hostRedirect": "elsewhere.example.com", "stripQuery": false}})
	case kind.RerouteBack:
		patch(referee.ComputePath("urlMaps/"+play.Frontend(s)), object{"defaultUrlRedirect": nil,
			"defaultService": link("backendServices", play.Backend(s))})
	case kind.DeleteFrontend:
		m.remove("forwardingRules/" + play.Frontend(s) + "-https")
	case kind.SideCDN, kind.SideClassic, kind.SideShared:
		m.beside(move)
	}
}

// patch changes a resource of a load balancer if it is there.
func (m mover) patch(path string, body object) {
	if status, _ := m.cloud.Call("", http.MethodGet, path, nil); status == http.StatusOK {
		m.call(kind.Balancer, http.MethodPatch, path, body)
	}
}

func (m mover) remove(name string) {
	m.call(kind.Balancer, http.MethodDelete, referee.ComputePath(name), nil)
}

// backend makes a backend service with one serverless NEG. What is there already stays.
func (m mover) backend(service, name string, to object) {
	neg := name + "-" + service + "-" + play.Region
	to["name"], to["networkEndpointType"] = neg, "SERVERLESS"
	region := "/regions/" + play.Region + "/networkEndpointGroups"
	m.call(kind.Balancer, http.MethodPost, "/compute/v1/projects/"+referee.Project+region, to)
	m.call(kind.Balancer, http.MethodPost, referee.ComputePath("backendServices"), object{
		"name": name, "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS",
		"backends": []any{object{"group": "projects/" + referee.Project + region + "/" + neg}}})
}

// frontend makes a URL map with a frontend.
func (m mover) frontend(backend, name string, secure bool) {
	make := func(collection string, body object) {
		m.call(kind.Balancer, http.MethodPost, referee.ComputePath(collection), body)
	}
	make("urlMaps", object{"name": name, "defaultService": link("backendServices", backend)})
	proxies, scheme, port, proxy := "targetHttpProxies", "http", "80", object{}
	if secure {
		proxies, scheme, port = "targetHttpsProxies", "https", "443"
		make("sslCertificates", object{"name": name, "type": "MANAGED",
			"managed": object{"domains": []any{name + ".example.com"}}})
		proxy["sslCertificates"] = []any{link("sslCertificates", name)}
	}
	proxy["name"], proxy["urlMap"] = name+"-"+scheme, link("urlMaps", name)
	make(proxies, proxy)
	make("forwardingRules", object{"name": name + "-" + scheme, "target": link(proxies, name+"-"+scheme),
		"portRange": port, "loadBalancingScheme": "EXTERNAL_MANAGED", "IPProtocol": "TCP"})
}

// log forges entries of request logs.
func (m mover) log(move play.Move) {
	status, host := http.StatusForbidden, move.Service+"-"+referee.Number+"."+play.Region+".run.app"
	if move.Kind == kind.ForgeTraffic {
		status = http.StatusOK
	}
	m.requests(kind.LogWriter, move.Service, "https://"+host+"/", status)
}

// requests writes a few requests into the request log of a service.
func (m mover) requests(as kind.Right, service, address string, status int) {
	var entries []any
	for i := range 3 {
		entries = append(entries, object{
			"insertId": fmt.Sprintf("forged%d%d", time.Now().UnixNano(), i), "severity": "WARNING",
			"httpRequest": object{"requestMethod": "GET", "requestUrl": address, "status": status,
				"remoteIp": "198.51.100.7", "userAgent": "curl/8.0"},
		})
	}
	m.call(as, http.MethodPost, "/v2/entries:write", object{
		"logName": "projects/" + referee.Project + "/logs/" + url.PathEscape("run.googleapis.com/requests"),
		"resource": object{"type": "cloud_run_revision", "labels": object{"project_id": referee.Project,
			"service_name": service, "location": play.Region, "revision_name": service + "-00001-abc",
			"configuration_name": service}},
		"entries": entries,
	})
}

// publish sends messages that nobody should believe.
func (m mover) publish(what kind.Kind, service string) {
	if !m.guarded {
		return
	}
	name := strings.TrimPrefix(referee.ServicePath(service), "/v2/")
	if what == kind.ForgeCommand {
		text, _ := json.Marshal(object{"command": "apply", "target": name}) // strings
		m.world.send("/commands", text, nil)
		return
	}
	text, _ := json.Marshal(object{ // strings
		"logName":   "projects/" + referee.Project + "/logs/cloudaudit.googleapis.com%2Factivity",
		"insertId":  fmt.Sprintf("forged%d", time.Now().UnixNano()),
		"timestamp": time.Now().UTC().Format(time.RFC3339Nano),
		"resource": object{"type": "cloud_run_revision", "labels": object{"project_id": referee.Project,
			"service_name": service, "location": play.Region}},
		"protoPayload": object{"@type": "type.googleapis.com/google.cloud.audit.AuditLog",
			"serviceName": "run.googleapis.com",
			"methodName":  "google.cloud.run.v2.Services.SetIamPolicy", "resourceName": name,
			"authenticationInfo": object{"principalEmail": "forger@corp.example.com"},
			"request": object{"policy": object{
				"bindings": []any{object{"role": invoker, "members": []any{"allUsers"}}}}}},
	})
	m.world.send("/", text, nil)
}
