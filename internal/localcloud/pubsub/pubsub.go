// Package pubsub is Pub/Sub's REST API as far as those go who call services:
// topics, push subscriptions, and messages that are pushed once, at once. The
// Pub/Sub that carries iapguard's own messages is package delivery.
package pubsub

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
)

type object = map[string]any

// PubSub holds topics and subscriptions of one project. It is safe for
// concurrent use.
type PubSub struct {
	send func(dataplane.Sent) (int, error)

	mu            sync.Mutex
	topics        map[string]object
	subscriptions map[string]object
	answers       map[string]int // of the last push of each subscription
}

// New returns a Pub/Sub with nothing in it, whose pushes go through send.
func New(send func(dataplane.Sent) (int, error)) *PubSub {
	p := &PubSub{send: send}
	p.reset()
	return p
}

// permissionSource documents which permission each method needs.
const permissionSource = "cloud.google.com/pubsub/docs/access-control"

// API is Pub/Sub as the server serves it.
func (p *PubSub) API() apiserver.API {
	const topics, topic = "/v1/projects/{project}/topics", "/v1/projects/{project}/topics/{topic}"
	const all, one = "/v1/projects/{project}/subscriptions", "/v1/projects/{project}/subscriptions/{subscription}"
	return apiserver.API{Name: "pubsub", State: p.state, Reset: p.reset, Routes: append(slices.Concat(
		policyRoutes("topics", topic, p.onTopic), policyRoutes("subscriptions", one, p.onSubscription)),
		route(http.MethodPut, topic, "topics.create", "create", "Publisher.CreateTopic", p.createTopic),
		route(http.MethodGet, topics, "topics.list", "list", "", p.listTopics),
		route(http.MethodGet, topic, "topics.get", "get", "", p.getTopic),
		route(http.MethodPost, topic+":publish", "topics.publish", "publish", "", p.publish),
		route(http.MethodGet, all, "subscriptions.list", "list", "", p.list),
		route(http.MethodGet, one, "subscriptions.get", "get", "", p.get),
		route(http.MethodPut, one, "subscriptions.create", "create", "Subscriber.CreateSubscription", p.create),
		route(http.MethodPost, one+":modifyPushConfig", "subscriptions.modifyPushConfig", "update",
			"Subscriber.ModifyPushConfig", p.modify),
		route(http.MethodPatch, one, "subscriptions.patch", "update", "Subscriber.UpdateSubscription", p.patch),
		route(http.MethodDelete, one, "subscriptions.delete", "delete", "Subscriber.DeleteSubscription", p.remove),
	)}
}

func route(verb, path, id, permission, audited string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
	kind, _, _ := strings.Cut(id, ".")
	made := apiserver.Route{Verb: verb, Path: path, API: "pubsub", ID: "pubsub.projects." + id,
		Permission: "pubsub." + kind + "." + permission, Source: permissionSource, Handle: handle}
	if audited != "" {
		made.Write, made.AuditMethod = true, "google.pubsub.v1."+audited
	}
	return made
}

const project = "projects/" + apiserver.ProjectID

func topicName(call *apiserver.Call) string { return project + "/topics/" + call.Var("topic") }

func (p *PubSub) createTopic(call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name := topicName(call)
	if p.topics[name] != nil {
		return nil, apiserver.AlreadyExists("Resource already exists in the project (resource=%s).", call.Var("topic"))
	}
	body["name"] = name
	p.topics[name] = body
	return apiserver.Clone(body), nil
}

func (p *PubSub) getTopic(call *apiserver.Call) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.topics[topicName(call)]
	if found == nil {
		return nil, missing(call.Var("topic"))
	}
	return apiserver.Clone(found), nil
}

func missing(what string) error { return apiserver.NotFound("Resource not found (resource=%s).", what) }

// named finds the subscription that a call is about. The lock is held.
func (p *PubSub) named(call *apiserver.Call) (string, object, error) {
	name := project + "/subscriptions/" + call.Var("subscription")
	if found := p.subscriptions[name]; found != nil {
		return name, found, nil
	}
	return name, nil, missing(call.Var("subscription"))
}

func (p *PubSub) list(*apiserver.Call) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []any
	for _, name := range slices.Sorted(maps.Keys(p.subscriptions)) {
		found = append(found, apiserver.Clone(p.subscriptions[name]))
	}
	if found == nil {
		return object{}, nil
	}
	return object{"subscriptions": found}, nil
}

func (p *PubSub) get(call *apiserver.Call) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, found, err := p.named(call)
	return apiserver.Clone(found), err
}

func (p *PubSub) create(call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name, _, err := p.named(call)
	if err == nil {
		return nil, apiserver.AlreadyExists("Resource already exists in the project (resource=%s).", call.Var("subscription"))
	}
	if topic := apiserver.Text(body, "topic"); p.topics[topic] == nil {
		return nil, missing(topic[strings.LastIndex(topic, "/")+1:])
	}
	made := object{
		"ackDeadlineSeconds": 10, "messageRetentionDuration": "604800s", "pushConfig": object{}, "state": "ACTIVE",
	}
	// One without a ttl is never (disc: pubsub/v1); none at all is a month.
	if apiserver.Object(body, "expirationPolicy") == nil {
		made["expirationPolicy"] = object{"ttl": "2678400s"}
	}
	apiserver.Merge(made, body)
	return p.put(call, made, name)
}

// put keeps a subscription, if its caller may act as its account. The lock is held.
func (p *PubSub) put(call *apiserver.Call, made object, name string) (any, error) {
	if token := apiserver.Object(apiserver.Object(made, "pushConfig"), "oidcToken"); token != nil {
		if err := call.ActAs(apiserver.Text(token, "serviceAccountEmail")); err != nil {
			return nil, err
		}
	}
	made["name"] = name
	p.subscriptions[name] = made
	return apiserver.Clone(made), nil
}

// change keeps a subscription as the body of a call makes it.
func (p *PubSub) change(call *apiserver.Call, by func(made, body object)) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name, old, err := p.named(call)
	if err != nil {
		return nil, err
	}
	made := apiserver.Clone(old)
	by(made, body)
	return p.put(call, made, name)
}

func (p *PubSub) modify(call *apiserver.Call) (any, error) {
	_, err := p.change(call, func(made, body object) {
		made["pushConfig"] = apiserver.Clone(apiserver.Object(body, "pushConfig"))
	})
	return object{}, err
}

// patch merges the fields that were sent; the mask only repeats their names.
func (p *PubSub) patch(call *apiserver.Call) (any, error) {
	return p.change(call, func(made, body object) { apiserver.Merge(made, apiserver.Object(body, "subscription")) })
}

func (p *PubSub) remove(call *apiserver.Call) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name, _, err := p.named(call)
	if err != nil {
		return nil, err
	}
	delete(p.subscriptions, name)
	return object{}, nil
}

// publish pushes every message to every push subscription of the topic.
func (p *PubSub) publish(call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	topic := topicName(call)
	p.mu.Lock()
	if p.topics[topic] == nil {
		p.mu.Unlock()
		return nil, missing(call.Var("topic"))
	}
	var to []object
	for _, name := range slices.Sorted(maps.Keys(p.subscriptions)) {
		if each := p.subscriptions[name]; each["topic"] == topic {
			to = append(to, apiserver.Clone(each))
		}
	}
	p.mu.Unlock()
	var ids []any
	for _, each := range apiserver.List(body, "messages") {
		message, _ := each.(object)
		id := apiserver.NewID()
		message["messageId"] = id
		ids = append(ids, id)
		for _, subscription := range to {
			if err := p.push(subscription, message); err != nil {
				return nil, err
			}
		}
	}
	return object{"messageIds": ids}, nil
}

// push posts one message and keeps how it was answered.
func (p *PubSub) push(subscription, message object) error {
	config := apiserver.Object(subscription, "pushConfig")
	endpoint, token := apiserver.Text(config, "pushEndpoint"), apiserver.Object(config, "oidcToken")
	if endpoint == "" {
		return nil
	}
	name := apiserver.Text(subscription, "name")
	body, err := json.Marshal(object{"message": message, "subscription": name})
	if err != nil {
		return apiserver.Invalid("The message cannot be sent: %v", err)
	}
	audience := apiserver.Text(token, "audience")
	if audience == "" {
		audience = endpoint // documented: the push endpoint
	}
	status, err := p.send(dataplane.Sent{
		Method: http.MethodPost, URL: endpoint, UserAgent: "CloudPubSub-Google", Body: body,
		Account: apiserver.Text(token, "serviceAccountEmail"), Audience: audience,
	})
	if err != nil {
		return apiserver.Invalid("The endpoint cannot be called: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[name] = status
	return nil
}

func (p *PubSub) state() object {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := object{}
	for name, topic := range p.topics {
		state[name] = apiserver.Clone(topic)
	}
	for name, subscription := range p.subscriptions {
		shown := apiserver.Clone(subscription)
		if status := p.answers[name]; status != 0 {
			shown["lastAnswer"] = status
		}
		state[name] = shown
	}
	return state
}

func (p *PubSub) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.topics, p.subscriptions, p.answers = map[string]object{}, map[string]object{}, map[string]int{}
}
