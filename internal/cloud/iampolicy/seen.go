package iampolicy

import lru "github.com/hashicorp/golang-lru/v2"

// keptPolicies bounds how many policies are kept as they were read.
const keptPolicies = 512

// Seen keeps policies as they were last read or written, so that a write at a version that was
// observed needs no further reading. The write names the version, and the API refuses it where
// the policy has moved on. Source: iam/docs/policies#etag.
type Seen struct{ kept *lru.Cache[string, Policy] }

// NewSeen has seen nothing yet.
func NewSeen() *Seen {
	kept, err := lru.New[string, Policy](keptPolicies)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &Seen{kept}
}

// Note keeps the policy of a resource.
func (s *Seen) Note(resource string, policy Policy) { s.kept.Add(resource, policy) }

// At is a copy of the policy of a resource at a version; false where another one was seen last.
func (s *Seen) At(resource, version string) (Policy, bool) {
	found, ok := s.kept.Get(resource)
	if !ok || version == "" || found.Etag != version {
		return Policy{}, false
	}
	var own Policy
	err := Convert(found, &own)
	return own, err == nil
}

// Written keeps the policy that an API answered a write with.
func (s *Seen) Written(resource string, answer any) error {
	var policy Policy
	if err := Convert(answer, &policy); err != nil {
		return err
	}
	s.Note(resource, policy)
	return nil
}
