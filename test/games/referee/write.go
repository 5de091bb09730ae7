package referee

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/test/games/play"
)

// Write is a write of iapguard to a resource: what it sent, and what the resource was
// before and after it.
type Write struct {
	At            time.Time
	Method, Path  string
	Body          Object
	Before, After Object
	Status        int
	Undo          bool // a person had it taken back
}

func (w Write) String() string {
	text, _ := json.Marshal(w.Body) // it was decoded from JSON
	return fmt.Sprintf("%d %s %s %.300s", w.Status, w.Method, w.Path, text)
}

// resource is the path of what is written.
func (w Write) resource() (path string, policy bool) {
	path, _, _ = strings.Cut(w.Path, "?")
	return strings.CutSuffix(path, ":setIamPolicy")
}

// Read reads the resource that is written.
func (w Write) Read(c Cloud) Object {
	path, policy := w.resource()
	switch {
	case policy:
		return c.Policy(path)
	case w.Method != http.MethodPatch:
		return nil
	}
	_, found := c.Call("", http.MethodGet, path, nil)
	return found
}

// ownFields are those that iapguard may change, and bookkeeping those that change with
// them.
var (
	ownFields   = []string{"ingress", "iap", "iapEnabled", "invokerIamDisabled"}
	bookkeeping = append(slices.Clone(volatile), "fingerprint", "launchStage")
)

// excess says what is wrong with a write, "" = nothing. own means that iapguard itself let the
// policy's members in there before, so that it may take them out.
func (w Write) excess(own bool) string {
	path, policy := w.resource()
	switch {
	case strings.HasSuffix(path, ":generateServiceIdentity"):
		return ""
	case policy:
		sent, _ := w.Body["policy"].(Object)
		if sent["etag"] == nil || sent["etag"] == "" {
			return "it does not name the version that was observed"
		}
		if w.Status < 300 && !w.Undo {
			return w.excessMembers(own)
		}
		return ""
	case w.Method != http.MethodPatch:
		return "it is not a kind of write that the recipe has"
	case w.Body["etag"] == nil && w.Body["fingerprint"] == nil:
		return "it does not name the version that was observed"
	case w.Status >= 300:
		return ""
	}
	fields := slices.AppendSeq(slices.Collect(maps.Keys(w.Before)), maps.Keys(w.After)) // one may lack what the other has
	for _, field := range slices.Compact(slices.Sorted(slices.Values(fields))) {
		if !slices.Contains(ownFields, field) && !slices.Contains(bookkeeping, field) &&
			!reflect.DeepEqual(w.Before[field], w.After[field]) {
			return fmt.Sprintf("it changes %s from %v to %v", field, w.Before[field], w.After[field])
		}
	}
	return ""
}

// lets reports whether a write lets in who is named by the policy, and whether they are in after it.
func (w Write) lets() (added, left bool) {
	named := func(policy Object) bool {
		return slices.ContainsFunc(grants(policy), func(one string) bool {
			member, _, _ := strings.Cut(one, " ")
			return strings.EqualFold(member, play.Alice)
		})
	}
	left = named(w.After)
	return left && !named(w.Before), left
}

// ours reports whether iapguard may add or remove a member: IAP's agent, who is named by
// the policy, and the public, which it may only remove.
func ours(member string, added bool) bool {
	return strings.HasSuffix(member, "@gcp-sa-iap.iam.gserviceaccount.com") ||
		strings.EqualFold(member, play.Alice) && added ||
		!added && (member == "allUsers" || member == "allAuthenticatedUsers")
}

// grants are the bindings of a policy, one for each member.
func grants(policy Object) []string {
	var all []string
	bindings, _ := policy["bindings"].([]any)
	for _, each := range bindings {
		binding, _ := each.(Object)
		condition, _ := json.Marshal(binding["condition"]) // it was decoded from JSON
		list, _ := binding["members"].([]any)
		for _, member := range list {
			all = append(all, fmt.Sprintf("%s %v %s", member, binding["role"], condition))
		}
	}
	return all
}

// excessMembers says which binding of a policy was changed that is not ours.
func (w Write) excessMembers(own bool) string {
	before, after := grants(w.Before), grants(w.After)
	for _, one := range before {
		member, _, _ := strings.Cut(one, " ")
		if !slices.Contains(after, one) && !ours(member, false) && !(own && strings.EqualFold(member, play.Alice)) {
			return "it removes " + one
		}
	}
	for _, one := range after {
		member, _, _ := strings.Cut(one, " ")
		if !slices.Contains(before, one) && !ours(member, true) {
			return "it adds " + one
		}
	}
	return ""
}

// shuts reports whether the write is a step that can shut somebody out.
func (w Write) shuts() bool {
	if _, policy := w.resource(); policy {
		return len(grants(w.After)) < len(grants(w.Before))
	}
	return w.Method == http.MethodPatch
}
