package memory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// PolicyVersion is a policy's text that is in force. The text stands in records of its own,
// because a whole policy may be larger than the record of the deployment.
type PolicyVersion struct {
	Digest string    `json:"digest,omitempty"` // as reports show it
	Sum    string    `json:"sum,omitempty"`    // SHA-256 of the text, in hexadecimal; "" = no policy is known
	Parts  int       `json:"parts,omitempty"`  // records that hold the text
	Since  time.Time `json:"since,omitzero"`   // when it came into force
}

// WaitingPolicy is a policy that an approver has to let in.
type WaitingPolicy struct {
	Digest string    `json:"digest"`
	Sum    string    `json:"sum"`
	Since  time.Time `json:"since"`
	// Over is the sum of the policy that stays in force meanwhile.
	Over string `json:"over"`
	// Older means that it was in force before.
	Older bool `json:"older,omitempty"`
	// Loosened is how many of Guarded services it uncovers or loosens.
	Loosened int `json:"loosened,omitempty"`
	Guarded  int `json:"guarded,omitempty"`
	// Services are some of the loosened ones, each with the keys that loosen it.
	Services []string `json:"services,omitempty"`
	// Approvers may let it in: those that the policy in force names for what is loosened.
	Approvers  []string  `json:"approvers,omitempty"`
	ApprovedBy string    `json:"approvedBy,omitempty"` // "" = nobody did
	ApprovedAt time.Time `json:"approvedAt,omitzero"`
}

const (
	// mostPolicies bounds how many earlier policies are known.
	mostPolicies = 50
	// Bounds of what is said of a waiting policy.
	mostLoosened  = 10
	mostApprovers = 50
	// partOfPolicy is the part of a text that one record holds, in bytes. Base64 makes four
	// bytes of three.
	partOfPolicy = 11 << 10
)

// Enforce notes that a policy came into force. It reports whether the record changed.
func (d *Deployment) Enforce(version PolicyVersion) bool {
	if version.Sum == d.Policy.Sum {
		return false
	}
	if d.Policy.Sum != "" {
		if d.Policies == nil {
			d.Policies = map[string]time.Time{}
		}
		d.Policies[d.Policy.Sum] = version.Since
	}
	delete(d.Policies, version.Sum)
	for len(d.Policies) > mostPolicies {
		delete(d.Policies, slices.MinFunc(slices.Collect(maps.Keys(d.Policies)),
			func(a, b string) int { return d.Policies[a].Compare(d.Policies[b]) }))
	}
	d.Policy, d.Waiting = version, nil
	return true
}

// Await notes that a policy waits for an approver. The same one keeps its approval. It
// reports whether the record changed.
func (d *Deployment) Await(waiting WaitingPolicy) bool {
	if known := d.Waiting; known != nil && known.Sum == waiting.Sum && known.Over == waiting.Over {
		return false
	}
	for i, service := range waiting.Services {
		waiting.Services[i] = clip(service)
	}
	waiting.Services = waiting.Services[:min(len(waiting.Services), mostLoosened)]
	waiting.Approvers = waiting.Approvers[:min(len(waiting.Approvers), mostApprovers)]
	waiting.ApprovedBy, waiting.ApprovedAt = "", time.Time{}
	d.Waiting = &waiting
	return true
}

// ApprovePolicy lets the waiting policy in that has a digest. by is the account that approves.
// It reports whether such a policy waits and was not approved before.
func (d *Deployment) ApprovePolicy(digest, by string, at time.Time) bool {
	if d.Waiting == nil || d.Waiting.Digest != digest || d.Waiting.ApprovedBy != "" {
		return false
	}
	d.Waiting.ApprovedBy, d.Waiting.ApprovedAt = clip(by), at.UTC().Round(0)
	return true
}

// String says in one line which policy waits, why, and who lets it in how.
func (w WaitingPolicy) String() string {
	why := "it was in force before, and a later one is"
	if !w.Older || w.Loosened > 0 {
		some := strings.Join(w.Services, "; ")
		if more := w.Loosened - len(w.Services); more > 0 {
			some += fmt.Sprintf("; and %d more", more)
		}
		why = fmt.Sprintf("it uncovers or loosens %d of %d guarded services (%s)", w.Loosened, w.Guarded, some)
	}
	line := fmt.Sprintf("policy %s waits for an approver: %s. ", w.Digest, why)
	switch {
	case w.ApprovedBy != "":
		return line + w.ApprovedBy + " approved it: it comes into force within a minute"
	case len(w.Approvers) > 0:
		return line + fmt.Sprintf("It comes into force after iapguard approve %s by %s", w.Digest,
			strings.Join(w.Approvers, " or "))
	case w.Older:
		return line + "The policy in force names no approvers: write the older text anew, with a comment, or add " +
			"approvers first"
	}
	return line + "The policy in force names no approvers: add approvers in a version that changes nothing else first"
}

// policyPart is a part of a policy's text.
type policyPart struct {
	Header
	Text []byte `json:"text"`
}

func policyPartName(sum string, part int) string { return fmt.Sprintf("policy/%s/%03d", sum, part) }

// KeepPolicy stores a policy's text, and returns the version that names it. It came into
// force at a time.
func (m *Memory) KeepPolicy(ctx context.Context, digest string, text []byte, at time.Time) (PolicyVersion, error) {
	version := PolicyVersion{Digest: digest, Sum: SumOf(text), Since: at.UTC().Round(0)}
	for part := range slices.Chunk(text, partOfPolicy) {
		_, err := update(ctx, m, policyPartName(version.Sum, version.Parts), func(p *policyPart) bool {
			changed := string(p.Text) != string(part)
			p.Text = part
			return changed
		})
		if err != nil {
			return PolicyVersion{}, err
		}
		version.Parts++
	}
	return version, nil
}

// PolicyText reads the text of a version. Its error is ErrMissing where there is none, or
// where the text is not the one that was kept.
func (m *Memory) PolicyText(ctx context.Context, version PolicyVersion) ([]byte, error) {
	if version.Sum == "" {
		return nil, fmt.Errorf("reading the last policy: %w", ErrMissing)
	}
	var text []byte
	for i := range version.Parts {
		part, err := read[policyPart](ctx, m, policyPartName(version.Sum, i))
		if err != nil && !errors.Is(err, ErrRollback) {
			return nil, err
		}
		text = append(text, part.Text...)
	}
	if SumOf(text) != version.Sum {
		return nil, fmt.Errorf("reading policy %s: %w: its text is another one", version.Digest, ErrMissing)
	}
	return text, nil
}

// SumOf is the SHA-256 of a policy's text, in hexadecimal. The digest of reports is its
// beginning, and too short to distinguish texts that somebody made for it.
func SumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (p *policyPart) shrink(int) bool { return false } // a policy is kept whole or not at all
func (p *policyPart) header() *Header { return &p.Header }
func (*policyPart) limit() int        { return maxRecord }
