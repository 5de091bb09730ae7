// Package iampolicy changes IAM policies by read-modify-write without losing
// anything: conditions, other members, other roles and their order survive.
//
// Each API has Go types of its own for one and the same JSON; they are
// converted through it.
package iampolicy

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Policy is an IAM policy. Version 3 is asked for and sent, so that
// conditions are neither hidden nor lost. Source: iam/docs/policies#versions.
type Policy struct {
	Version  int64     `json:"version,omitempty"`
	Bindings []Binding `json:"bindings,omitempty"`
	Etag     string    `json:"etag,omitempty"`
}

// Binding is one role with its members, and the condition under which it holds.
type Binding struct {
	Role      string     `json:"role,omitempty"`
	Members   []string   `json:"members,omitempty"`
	Condition *Condition `json:"condition,omitempty"`
}

// Condition is kept as it was read.
type Condition struct {
	Expression  string `json:"expression,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Location    string `json:"location,omitempty"`
}

// Convert copies a policy from one API's type into another's.
func Convert(from, into any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("encoding an IAM policy: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decoding an IAM policy: %w", err)
	}
	return nil
}

// Unmoved returns a fault.Conflict unless the policy is at the observed version.
func (p Policy) Unmoved(version string) error {
	if p.Etag != version {
		return fault.New(fault.Conflict, "the IAM policy changed since it was observed")
	}
	return nil
}

// Add puts members into the role's binding under a condition, or into its
// unconditional one, making it if there is none. It reports whether anything changed.
func (p *Policy) Add(role string, members []string, under posture.Condition) bool {
	at := slices.IndexFunc(p.Bindings, func(b Binding) bool { return b.Role == role && b.under(under) })
	if at < 0 {
		p.Bindings = append(p.Bindings, Binding{Role: role, Condition: conditionOf(under)})
		at = len(p.Bindings) - 1
	}
	changed := false
	for _, member := range members {
		if !slices.Contains(p.Bindings[at].Members, member) {
			p.Bindings[at].Members = append(p.Bindings[at].Members, member)
			changed = true
		}
	}
	return changed
}

// under reports whether a binding holds under exactly this condition.
func (b Binding) under(c posture.Condition) bool {
	if b.Condition == nil || c.Always() {
		return b.Condition == nil && c.Always()
	}
	return *b.Condition == *conditionOf(c)
}

func conditionOf(c posture.Condition) *Condition {
	if c.Always() {
		return nil
	}
	return &Condition{Title: c.Title, Expression: c.Expression, Description: c.Description}
}

// Remove takes members out of every binding of the role, and bindings that
// lose their last member out of the policy. It reports whether anything changed.
func (p *Policy) Remove(role string, members []string) bool {
	changed := false
	for i, binding := range p.Bindings {
		if binding.Role != role {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(binding.Members), func(m string) bool { return slices.Contains(members, m) })
		if len(kept) < len(binding.Members) {
			p.Bindings[i].Members = kept
			changed = true
		}
	}
	if changed {
		p.Bindings = slices.DeleteFunc(p.Bindings, func(b Binding) bool { return b.Role == role && len(b.Members) == 0 })
	}
	return changed
}

// Posture is the policy as package posture has it.
func (p Policy) Posture() posture.Policy {
	seen := posture.Policy{Version: p.Etag, ChangedAt: changedAt(p.Etag)}
	for _, binding := range p.Bindings {
		one := posture.Binding{Role: binding.Role, Members: binding.Members}
		if binding.Condition != nil {
			one.Condition = binding.Condition.Expression
			if one.Condition == "" {
				one.Condition = "an empty condition"
			}
		}
		seen.Bindings = append(seen.Bindings, one)
	}
	return seen
}

// changedAt reads the time of the last write out of an etag: the byte 7 and seven
// bytes of microseconds since 1970. That is how recorded etags look; it is not
// documented (*unverified* for later formats), so any other form gives no time.
func changedAt(etag string) time.Time {
	raw, err := base64.StdEncoding.DecodeString(etag)
	if err != nil || len(raw) != 8 || raw[0] != 7 {
		return time.Time{}
	}
	raw[0] = 0
	return time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
}
