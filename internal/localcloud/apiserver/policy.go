package apiserver

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// neverSet is the etag of a policy that was never written. It is a version
// like any other: writing with it when somebody wrote before is a conflict.
const neverSet = "ACAB"

// policies holds the IAM policy of every resource that has one.
type policies struct {
	mu         sync.Mutex
	byResource map[string]map[string]any
	// history holds the same policies, and what they were before.
	history History[map[string]any]
}

func (p *policies) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byResource = map[string]map[string]any{}
	p.history.Reset()
}

// put keeps a policy that nobody changes any more. The lock is held.
func (p *policies) put(resource string, policy map[string]any, since time.Time) {
	p.byResource[resource] = policy
	p.history.Put(resource, since, policy)
}

// all is every policy under what name makes of its resource's name.
func (p *policies) all(name func(string) string) map[string]any {
	p.mu.Lock()
	copied := make(map[string]map[string]any, len(p.byResource))
	for resource, policy := range p.byResource {
		copied[resource] = Clone(policy)
	}
	p.mu.Unlock()
	all := make(map[string]any, len(copied))
	for resource, policy := range copied {
		all[name(resource)] = policy
	}
	return all
}

// SeedPolicy gives a resource the bindings that it is created with. Nobody
// wrote them, so nothing is checked, nothing logged, and they are in effect at
// once.
func (s *Server) SeedPolicy(resource string, bindings []any) {
	s.policies.seed(resource, Etag(s.Stamp()), bindings)
}

func (p *policies) seed(resource, etag string, bindings []any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(resource, map[string]any{"version": json.Number("1"), "etag": etag, "bindings": Clone(bindings)}, time.Time{})
}

// Policy is a copy of the whole policy of a resource, as version 3 shows it.
func (s *Server) Policy(resource string) map[string]any {
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	if policy, ok := s.policies.byResource[resource]; ok {
		return Clone(policy)
	}
	return map[string]any{"etag": neverSet}
}

// PoliciesAt are the IAM policies at a time, by the names of their resources, in which a backend
// service or a forwarding rule has its id. They must not be changed.
func (s *Server) PoliciesAt(at time.Time) map[string]map[string]any {
	return s.policies.history.All(at)
}

// DeletePolicy forgets the policy of a resource that is gone.
func (s *Server) DeletePolicy(resource string) {
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	delete(s.policies.byResource, resource)
	s.policies.history.Drop(resource, s.Now())
}

// GetIamPolicy answers a getIamPolicy call about resource. The version asked
// for comes from the query (run) or the body (iap, cloudresourcemanager).
func (c *Call) GetIamPolicy(resource string) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	asked := c.Query("options.requestedPolicyVersion")
	if v, ok := Object(body, "options")["requestedPolicyVersion"]; ok {
		asked = fmt.Sprint(v)
	}
	policy := c.server.Policy(resource)
	switch asked {
	case "", "0", "1":
		return withoutConditions(policy), nil
	case "2", "3":
		return policy, nil
	}
	return nil, Invalid("Invalid requested policy version: %s.", asked)
}

// SetIamPolicy answers a setIamPolicy call about resource.
func (c *Call) SetIamPolicy(resource string) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := CheckFields(body, "", "policy updateMask update_mask resource"); err != nil {
		return nil, err
	}
	sent, ok := body["policy"].(map[string]any)
	if !ok {
		return nil, Invalid("The request has no policy.")
	}
	if err := CheckFields(sent, "policy", "version bindings etag auditConfigs audit_configs"); err != nil {
		return nil, err
	}
	policy, old, err := c.server.setPolicy(resource, sent, Text(body, "updateMask"))
	if why := (*excluded)(nil); errors.As(err, &why) {
		return nil, c.notPermitted(why)
	}
	if err != nil {
		return nil, err
	}
	if c.Record != nil {
		c.Record.PolicyDeltas = deltas(old, policy)
	}
	return policy, nil
}

// setPolicy writes a policy, and returns it and what was there before.
func (s *Server) setPolicy(resource string, sent map[string]any, mask string) (policy, old map[string]any, err error) {
	bindings, conditional, err := s.checkBindings(List(sent, "bindings"))
	if err != nil {
		return nil, nil, err
	}
	version := fmt.Sprint(sent["version"])
	if isContainer(resource) && slices.ContainsFunc(bindings, public) {
		// Source: cloudresourcemanager's discovery document, setIamPolicy: "Project does not
		// support allUsers and allAuthenticatedUsers". The words are reported
		// (hashicorp/terraform-provider-google#859); of folders and organizations, unverified.
		return nil, nil, Invalid("Request contains an invalid argument.")
	}
	if conditional && version != "3" {
		return nil, nil, Invalid("Specified policy has conditional role bindings: the policy version must be 3.")
	}
	stamp := s.Stamp()
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	var existed bool
	if old, existed = s.policies.byResource[resource]; !existed {
		old = map[string]any{"etag": neverSet}
	}
	if etag := Text(sent, "etag"); etag != "" && !schema.SameBytes(etag, Text(old, "etag")) {
		return nil, nil, Aborted("There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
	} else if etag != "" && version != "3" && hasConditions(old) {
		return nil, nil, Invalid("The existing policy has conditional role bindings: read and write it with policy version 3.")
	}
	policy = map[string]any{"version": json.Number("1"), "etag": Etag(stamp)}
	if conditional {
		policy["version"] = json.Number("3")
	}
	if len(bindings) > 0 {
		policy["bindings"] = bindings
	}
	keepUnmasked(policy, old, sent, mask)
	if err := s.excluded(resource, old, policy); err != nil {
		return nil, nil, err
	}
	s.policies.put(resource, policy, s.Now())
	return Clone(policy), old, nil
}

// keepUnmasked applies the update mask: by default bindings and etag are
// written and what else a policy holds (auditConfigs) stays.
func keepUnmasked(policy, old, sent map[string]any, mask string) {
	written := "," + mask + ","
	if mask == "" {
		written = ",bindings,etag,"
	}
	if !strings.Contains(written, ",bindings,") {
		delete(policy, "bindings")
		for _, key := range []string{"bindings", "version"} {
			if value, ok := old[key]; ok {
				policy[key] = value
			}
		}
	}
	from := old
	if strings.Contains(written, ",auditConfigs,") || strings.Contains(written, ",audit_configs,") {
		from = sent
	}
	if configs := from["auditConfigs"]; configs != nil {
		policy["auditConfigs"] = clone(configs)
	}
}

// Etag is an etag that is bytes, such as that of a policy: base64 of 0x07 and seven bytes of epoch microseconds
// (wire.md 5).
func Etag(t time.Time) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(t.UnixMicro()))
	b[0] = 7
	return base64.StdEncoding.EncodeToString(b[:])
}

func hasConditions(policy map[string]any) bool {
	for _, b := range List(policy, "bindings") {
		if binding, ok := b.(map[string]any); ok && binding["condition"] != nil {
			return true
		}
	}
	return false
}

// withoutConditions is a policy as version 1 shows it: a conditional binding
// loses its condition, and its role gets a suffix that makes it useless to
// write back (iam/docs/policies, "Specifying a policy version").
func withoutConditions(policy map[string]any) map[string]any {
	if !hasConditions(policy) {
		return policy
	}
	policy["version"] = json.Number("1")
	for _, b := range List(policy, "bindings") {
		binding, _ := b.(map[string]any)
		if condition := Object(binding, "condition"); condition != nil {
			text, _ := json.Marshal(condition)
			sum := sha256.Sum256(text)
			binding["role"] = Text(binding, "role") + "_withcond_" + hex.EncodeToString(sum[:10])
			delete(binding, "condition")
		}
	}
	return policy
}
