package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// Step is one write.
type Step struct {
	Change   Change
	Resource string
	Why      string
	// Version is what was observed of the resource (etag or fingerprint). The
	// write is refused when the resource has moved since.
	Version string
	// NotBefore is when the step is due; zero = at once.
	NotBefore time.Time
	// Closes means that the step shuts a way in although nobody may get in by another one:
	// the policy wants it shut rather than open.
	Closes bool
}

// operation is the kind of the step, zero for a step without a change.
func (s Step) operation() Operation {
	if s.Change == nil {
		return Operation{}
	}
	return s.Change.Operation()
}

func (s Step) stage() int {
	if operation := s.operation(); operation.Stage == 0 || !s.Closes {
		return operation.Stage
	}
	return stageClosing
}

// Op is the name of the step's operation.
func (s Step) Op() Op { return s.operation().Op }

// Key identifies what the step does: two steps of one key do the same to the same resource.
// It does not depend on the resource's version.
func (s Step) Key() string {
	data, err := json.Marshal(struct {
		Op, Resource string
		Change       Change
	}{string(s.Op()), s.Resource, s.Change})
	if err != nil {
		panic(err) // unreachable: changes are plain values
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Words are the step's change as people read it.
func (s Step) Words() Words {
	if s.Change == nil {
		return Words{}
	}
	return s.Change.words()
}

// Field is the setting or the role that the step writes.
func (s Step) Field() string { return s.Words().Field }

// ShutsOut reports whether a step can shut somebody out who gets in now. Steps that
// close doors to the public can, and a new revision may not start.
func (s Step) ShutsOut() bool {
	return s.operation().Affects != "" || s.Op() == revokeAccess.Op || s.Op() == redeploy.Op
}

// Written names what a step writes, as far as versions go: a service's policy
// and the service itself have versions of their own.
func (s Step) Written() string { return Written(s.Op(), s.Resource) }

// Written names what an operation writes at a resource, as Step.Written does.
func Written(op Op, resource string) string {
	if operations[op].Policy {
		return resource + ":iamPolicy"
	}
	return resource
}

// Check refuses a step that we would never have taken on this service. A report
// is a file that anybody can write, and its words are about to be written.
func (s Step) Check(p posture.Posture) error {
	if s.Change == nil {
		return fmt.Errorf("a step on %.80q without a change", s.Resource)
	}
	return s.Change.check(p, s.Resource)
}

// Standing is how things stand where the step wrote.
func (s Step) Standing(p posture.Posture) Standing { return s.Change.standing(p, s.Resource) }

// Without is the posture as it would be without the step, as far as doors go.
func (s Step) Without(p posture.Posture) posture.Posture { return s.Change.without(p, s.Resource) }

// Stays reports whether the step leaves nothing that could be taken back.
func (s Step) Stays() bool { return s.operation().Stays }
