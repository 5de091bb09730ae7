package games

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/test/games/kind"
	"github.com/iapguard/iapguard/test/games/play"
	"github.com/iapguard/iapguard/test/games/referee"
)

// entrySize is how large the annotation is that makes an audit log entry large.
const entrySize = 100_000

// Moves that only the games of attacks that were seen have.
const (
	takeHTTP2    kind.Kind = "let HTTP/2 through to"
	failRollout  kind.Kind = "have the next three changes fail of"
	hangRollout  kind.Kind = "begin a roll-out that never ends of"
	writeLarge   kind.Kind = "write audit log entries of 100 kB about"
	toolReads    kind.Kind = "read, with a tool, who may invoke"
	toolAllows   kind.Kind = "let everybody invoke, with the version that the tool read,"
	subscribe    kind.Kind = "make a push subscription without messages that calls"
	crowd        kind.Kind = "make thirty push subscriptions without messages that call"
	schedule     kind.Kind = "make a job that runs once a year and calls"
	touchBackend kind.Kind = "change the description of the backend service before"
	sideIdle     kind.Kind = "put a backend service with Cloud CDN and without a frontend before"
	sideTCP      kind.Kind = "put a second load balancer for TCP before"
	refuseLog    kind.Kind = "flood the log, so that nobody may read it, beside"
	sidePrivate  kind.Kind = "put private neighbours behind the backend service of"
)

// attack makes these moves.
func (m mover) attack(move play.Move) {
	s, path := move.Service, referee.ServicePath(move.Service)
	address := "https://" + s + "-" + referee.Number + "." + play.Region + ".run.app/"
	template := func(container object) object {
		container["image"] = "us-docker.pkg.dev/cloudrun/container/hello"
		return object{"template": object{"containers": []any{container}}}
	}
	patch := func(mask string, body object) {
		m.call(kind.Deployer, http.MethodPatch, path+"?updateMask="+mask, body)
	}
	const patches = "run.projects.locations.services.patch"
	switch move.Kind {
	case takeHTTP2:
		patch("template", template(object{"ports": []any{object{"name": "h2c", "containerPort": 8080}}}))
	case failRollout:
		m.fault(object{"action": "fail-operation", "method": patches, "resource": "services/" + s, "times": 3,
			"message": "The user-provided container failed to start."})
	case hangRollout:
		m.fault(object{"action": "hang-operation", "method": patches, "resource": "services/" + s, "times": 1})
		patch("template", template(object{"env": []any{object{"name": "A", "value": "b"}}}))
	case writeLarge:
		for i := range 30 {
			patch("annotations", object{"annotations": object{"note": fmt.Sprint(i) + strings.Repeat("x", entrySize)}})
		}
	case toolReads:
		m.world.tools[m.guarded] = m.cloud.Policy(path)
	case toolAllows:
		read := m.world.tools[m.guarded]
		bindings, _ := read["bindings"].([]any)
		m.world.refused[m.guarded], _ = m.call(kind.Deployer, http.MethodPost, path+":setIamPolicy", object{"policy": object{
			"version": 3, "etag": read["etag"],
			"bindings": append(bindings, object{"role": invoker, "members": []any{"allUsers"}})}})
	case subscribe:
		m.owner(http.MethodPut, "/v1/projects/"+referee.Project+"/topics/nothing", object{})
		m.owner(http.MethodPut, "/v1/projects/"+referee.Project+"/subscriptions/"+s, object{
			"topic": "projects/" + referee.Project + "/topics/nothing", "pushConfig": object{"pushEndpoint": address}})
	case crowd:
		m.owner(http.MethodPut, "/v1/projects/"+referee.Project+"/topics/nothing", object{})
		for i := range 30 {
			name := fmt.Sprintf("%s-%d", s, i)
			m.owner(http.MethodPut, "/v1/projects/"+referee.Project+"/subscriptions/"+name, object{
				"topic": "projects/" + referee.Project + "/topics/nothing", "pushConfig": object{"pushEndpoint": address + name}})
		}
	case schedule:
		jobs := "projects/" + referee.Project + "/locations/" + play.Region + "/jobs"
		m.owner(http.MethodPost, "/v1/"+jobs, object{"name": jobs + "/" + s, "schedule": "0 3 1 1 *",
			"httpTarget": object{"uri": address}})
	case touchBackend:
		m.patch(referee.ComputePath("backendServices/"+play.Backend(s)), object{"description": "touched"})
	case refuseLog:
		m.fault(object{"action": "status", "status": http.StatusTooManyRequests, "method": "logging.entries.list"})
	case sideIdle, sideTCP:
		m.beside(move)
	case sidePrivate:
		m.lend(move)
	}
}

// lend puts private neighbours behind the backend service of a service, before it.
func (m mover) lend(move play.Move) {
	groups := "projects/" + referee.Project + "/regions/" + play.Region + "/networkEndpointGroups"
	path := referee.ComputePath("backendServices/" + play.Backend(move.Service))
	_, before := m.cloud.Call("", http.MethodGet, path, nil)
	backends, _ := before["backends"].([]any)
	for _, other := range m.world.game.Services {
		if other.Public || other.Name == move.Service {
			continue
		}
		group := "lent-" + other.Name + "-" + play.Region
		m.call(kind.Balancer, http.MethodPost, "/compute/v1/"+groups, object{
			"name": group, "networkEndpointType": "SERVERLESS", "cloudRun": object{"service": other.Name}})
		backends = append([]any{object{"group": groups + "/" + group}}, backends...)
	}
	m.patch(path, object{"backends": backends})
}

// owner makes a call that the project's owner may make.
func (m mover) owner(method, path string, body object) {
	if status, answer := m.cloud.Call("", method, path, body); status >= 300 {
		m.world.t.Errorf("%s %s: %d %v", method, path, status, answer)
	}
}

// fault has the cloud fail in one way, and in no other from then on.
func (m mover) fault(one object) {
	if status, answer := m.cloud.Call("", http.MethodPost, "/_local/faults", []any{one}); status != http.StatusOK {
		m.world.t.Errorf("setting a fault: %d %v", status, answer)
	}
}

// beside puts a backend service before a service at which IAP cannot go on.
func (m mover) beside(move play.Move) {
	s, side := move.Service, play.SideBackend(move.Service)
	path := referee.ComputePath("backendServices/" + side)
	lead := func() { m.frontend(side, play.SideFrontend(s), true) }
	m.backend(s, side, object{"cloudRun": object{"service": s}})
	switch move.Kind {
	case kind.SideCDN:
		m.patch(path, object{"enableCDN": true})
		lead()
	case sideIdle:
		m.patch(path, object{"enableCDN": true})
	case kind.SideClassic:
		m.patch(path, object{"loadBalancingScheme": "EXTERNAL"})
		lead()
	case sideTCP:
		m.patch(path, object{"protocol": "TCP", "loadBalancingScheme": "EXTERNAL"})
		m.call(kind.Balancer, http.MethodPost, referee.ComputePath("targetTcpProxies"),
			object{"name": side, "service": link("backendServices", side)})
		m.call(kind.Balancer, http.MethodPost, referee.ComputePath("forwardingRules"), object{"name": side,
			"target": link("targetTcpProxies", side), "portRange": "443", "loadBalancingScheme": "EXTERNAL",
			"IPProtocol": "TCP"})
	case kind.SideShared:
		groups := "projects/" + referee.Project + "/regions/" + play.Region + "/networkEndpointGroups"
		group := func(service string) object {
			return object{"group": groups + "/" + side + "-" + service + "-" + play.Region}
		}
		backends := []any{group(s)}
		for _, other := range m.world.game.Services {
			if other.Exempt {
				m.call(kind.Balancer, http.MethodPost, "/compute/v1/"+groups, object{
					"name":                side + "-" + other.Name + "-" + play.Region,
					"networkEndpointType": "SERVERLESS", "cloudRun": object{"service": other.Name}})
				backends = append(backends, group(other.Name))
			}
		}
		m.patch(path, object{"backends": backends})
		lead()
	}
}

// reads has the referee judge an answer of the log.
func (w *world) reads(request *http.Request, answer *http.Response) {
	if answer == nil || !strings.HasSuffix(request.URL.Path, "/entries:list") {
		return
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Error(err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	w.moving.Lock()
	defer w.moving.Unlock()
	w.referee.Read(len(text))
}
