package pubsub

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	_ "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb" // registers google.pubsub.v1
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// permissionSource documents which permission each method needs.
const permissionSource = "cloud.google.com/pubsub/docs/access-control"

// permissions are those that are not named after their method.
var permissions = map[string]string{
	"pubsub.projects.topics.patch":                    "pubsub.topics.update",
	"pubsub.projects.topics.subscriptions.list":       "pubsub.topics.get",
	"pubsub.projects.topics.snapshots.list":           "pubsub.topics.get",
	"pubsub.projects.subscriptions.patch":             "pubsub.subscriptions.update",
	"pubsub.projects.subscriptions.modifyPushConfig":  "pubsub.subscriptions.update",
	"pubsub.projects.subscriptions.pull":              "pubsub.subscriptions.consume",
	"pubsub.projects.subscriptions.acknowledge":       "pubsub.subscriptions.consume",
	"pubsub.projects.subscriptions.modifyAckDeadline": "pubsub.subscriptions.consume",
	"pubsub.projects.subscriptions.seek":              "pubsub.subscriptions.consume",
	"pubsub.projects.subscriptions.detach":            "pubsub.topics.detachSubscription",
	"pubsub.projects.snapshots.patch":                 "pubsub.snapshots.update",
	"pubsub.projects.schemas.deleteRevision":          "pubsub.schemas.delete",
	"pubsub.projects.schemas.validateMessage":         "pubsub.schemas.validate",
}

// unlogged are the methods that write and leave no record of an administrator's
// activity: messages, and what is done with them (pubsub/docs/audit-logging).
var unlogged = []string{"Publish", "Pull", "Acknowledge", "ModifyAckDeadline", "Seek"}

// method is one method in its two forms.
type method struct {
	schema.Method
	document *schema.API
	rpc      protoreflect.MethodDescriptor
	body     string   // the field of the request that is the body; "*" = all of it
	bound    []string // the field that the path names, by its way: topic, name
}

// routes are those of all methods that google.pubsub.v1 has, and of IAM policies.
func (p api) routes() []apiserver.Route {
	document := schema.Of("pubsub/v1")
	rpcs := transcoded()
	var routes []apiserver.Route
	for _, each := range document.Methods("") {
		route := apiserver.Route{Verb: each.Verb, Path: "/" + variable.ReplaceAllString(each.Path, "{$1}"), API: "pubsub",
			ID: each.ID, Permission: permissions[each.ID], Source: permissionSource}
		if route.Permission == "" {
			route.Permission = strings.Replace(each.ID, ".projects.", ".", 1)
		}
		if found, ok := rpcs[shape(each.Verb, each.Path)]; ok {
			found.Method, found.document = each, document
			route.Handle = func(call *apiserver.Call) (any, error) { return p.call(call, found) }
			route.Write = each.Verb != http.MethodGet && !slices.Contains(unlogged, string(found.rpc.Name())) &&
				!strings.Contains(each.ID, ".validate")
			if route.Write {
				route.AuditMethod = string(found.rpc.FullName())
			}
		} else if do := policyCalls[lastPart(each.ID)]; do != nil {
			route.Handle = p.onPolicy(rpcs, strings.TrimPrefix(route.Path, "/"), do)
			route.Resource = func(call *apiserver.Call) string { return named(call) }
			if route.Write = lastPart(each.ID) == "setIamPolicy"; route.Write {
				route.AuditMethod = "google.iam.v1.IAMPolicy.SetIamPolicy" // pubsub/docs/audit-logging
			}
			if lastPart(each.ID) == "testIamPermissions" {
				route.Permission, route.Source = "", ""
			}
		} else {
			continue
		}
		routes = append(routes, route)
	}
	return routes
}

// variable is a variable of a discovery document's path: {topicsId} is {topic}.
var variable = regexp.MustCompile(`\{([a-zA-Z]+?)sId\}`)

// placeholder is a variable of an HTTP rule or of a path, with what it stands for.
var placeholder = regexp.MustCompile(`\{[^}=]*=?([^}]*)\}`)

// shape is a path by which the two forms of a method find each other.
func shape(verb, path string) string {
	path = placeholder.ReplaceAllStringFunc(strings.TrimPrefix(path, "/"), func(found string) string {
		if pattern := placeholder.FindStringSubmatch(found)[1]; pattern != "" {
			return pattern
		}
		return "*"
	})
	return verb + " " + path
}

// transcoded are the gRPC methods by the shape of their HTTP rule.
// Source: google/api/http.proto.
func transcoded() map[string]method {
	found := map[string]method{}
	for _, service := range []protoreflect.FullName{"Publisher", "Subscriber", "SchemaService"} {
		described, err := protoregistry.GlobalFiles.FindDescriptorByName("google.pubsub.v1." + service)
		if err != nil {
			panic(err) // the package that registers them is imported
		}
		methods := described.(protoreflect.ServiceDescriptor).Methods()
		for i := range methods.Len() {
			rule, _ := proto.GetExtension(methods.Get(i).Options(), annotations.E_Http).(*annotations.HttpRule)
			verb, path := verbAndPath(rule)
			if path == "" {
				continue // streams have no HTTP form
			}
			name, _, _ := strings.Cut(path[strings.IndexByte(path, '{')+1:], "=")
			found[shape(verb, path)] = method{rpc: methods.Get(i), body: rule.GetBody(), bound: strings.Split(name, ".")}
		}
	}
	return found
}

func verbAndPath(rule *annotations.HttpRule) (verb, path string) {
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return http.MethodGet, pattern.Get
	case *annotations.HttpRule_Put:
		return http.MethodPut, pattern.Put
	case *annotations.HttpRule_Post:
		return http.MethodPost, pattern.Post
	case *annotations.HttpRule_Patch:
		return http.MethodPatch, pattern.Patch
	case *annotations.HttpRule_Delete:
		return http.MethodDelete, pattern.Delete
	}
	return "", ""
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '.')+1:] }

// named is the resource that a call's path names, with the project's id.
func named(call *apiserver.Call) string {
	name := "projects/" + apiserver.ProjectID
	for _, each := range []string{"topic", "subscription", "snapshot", "schema"} {
		if id := call.Var(each); id != "" {
			return name + "/" + each + "s/" + id
		}
	}
	return name
}

// policyCalls are the methods of IAM policies.
var policyCalls = map[string]func(*apiserver.Call, string) (any, error){
	"getIamPolicy":       (*apiserver.Call).GetIamPolicy,
	"setIamPolicy":       (*apiserver.Call).SetIamPolicy,
	"testIamPermissions": (*apiserver.Call).TestIamPermissions,
}

// onPolicy answers about the IAM policy of a resource that is there.
func (p api) onPolicy(rpcs map[string]method, path string, do func(*apiserver.Call, string) (any, error)) func(
	*apiserver.Call) (any, error) {
	path, _, _ = strings.Cut(path, ":")
	get := rpcs[shape(http.MethodGet, path)]
	return func(call *apiserver.Call) (any, error) {
		request := newMessage(get.rpc.Input())
		bind(request.ProtoReflect(), get.bound, named(call))
		if err := p.invoke(call, get.rpc, request, newMessage(get.rpc.Output())); err != nil {
			return nil, err
		}
		return do(call, named(call))
	}
}
