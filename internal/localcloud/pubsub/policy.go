package pubsub

import (
	"maps"
	"slices"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// policyRoutes read and write the IAM policies of topics or of subscriptions.
// What they grant counts as any grant does; the permission that a push or a publication needs
// is not asked: see UNVERIFIED.md.
// Source: pubsub/docs/reference/rest/v1/projects.topics/setIamPolicy.
func policyRoutes(kind, path string, on func(policyCall) func(*apiserver.Call) (any, error)) []apiserver.Route {
	read := route("GET", path+":getIamPolicy", kind+".getIamPolicy", "getIamPolicy", "",
		on((*apiserver.Call).GetIamPolicy))
	write := route("POST", path+":setIamPolicy", kind+".setIamPolicy", "setIamPolicy", "",
		on((*apiserver.Call).SetIamPolicy))
	write.Write, write.AuditMethod = true, "google.iam.v1.IAMPolicy.SetIamPolicy" // pubsub/docs/audit-logging
	for _, each := range []*apiserver.Route{&read, &write} {
		each.Resource = func(c *apiserver.Call) string { return project + "/" + kind + "/" + c.Var(kind[:len(kind)-1]) }
	}
	return []apiserver.Route{read, write}
}

type policyCall func(*apiserver.Call, string) (any, error)

func (p *PubSub) onTopic(do policyCall) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		if _, err := p.getTopic(c); err != nil {
			return nil, err
		}
		return do(c, topicName(c))
	}
}

func (p *PubSub) onSubscription(do policyCall) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		p.mu.Lock()
		name, _, err := p.named(c)
		p.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return do(c, name)
	}
}

func (p *PubSub) listTopics(*apiserver.Call) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.topics) == 0 {
		return object{}, nil
	}
	var found []any
	for _, name := range slices.Sorted(maps.Keys(p.topics)) {
		found = append(found, apiserver.Clone(p.topics[name]))
	}
	return object{"topics": found}, nil
}
