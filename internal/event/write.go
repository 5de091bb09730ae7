package event

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// Write is one call that an audit log tells of, whoever made it, with what it
// wrote as far as the entry says. What failed is none.
type Write struct {
	Cause
	// Settings are the settings of a protection that the call wrote, by the names
	// that plans give them (iap.enabled, iapEnabled, ingress, invokerIamDisabled)
	// and in package posture's words.
	Settings map[string]string
	// Whole says that the entry tells all that was written: a setting that is
	// not among Settings was left as it was.
	Whole bool
	// Policy is the IAM policy as it was written, nil where the entry says none.
	Policy *posture.Policy
	// Anew says that the call made or deleted the resource.
	Anew bool
}

// Writes reads what entries.list answered: every write of the methods that are
// understood, each once, oldest first. The two entries of a long operation are
// one write, at the time of the call. What cannot be read is passed over.
func Writes(entries []json.RawMessage) []Write {
	var told []tellsWrite
	begun, failed, known := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, text := range entries {
		one, ok := readWrite(text)
		if !ok || known[one.write.Key] {
			continue
		}
		known[one.write.Key] = true
		begun[one.operation] = begun[one.operation] || one.first
		failed[one.operation] = failed[one.operation] || one.failed
		told = append(told, one)
	}
	var writes []Write
	for _, one := range told {
		secondHalf := one.last && !one.first && begun[one.operation]
		if !one.failed && !secondHalf && (one.operation == "" || !failed[one.operation]) {
			writes = append(writes, one.write)
		}
	}
	slices.SortStableFunc(writes, func(a, b Write) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key, b.Key)) })
	return writes
}

// tellsWrite is one entry about a write.
type tellsWrite struct {
	write               Write
	operation           string // id, "" for what ended at once
	first, last, failed bool
}

func readWrite(text []byte) (one tellsWrite, ok bool) {
	if len(text) > MaxBody || deeper(text, MaxDepth) {
		return one, false
	}
	r := newReader(text)
	defer r.release()
	d := new(document)
	if err := d.read(r); err != nil {
		return one, false
	}
	e := &d.entry
	one.operation, one.first, one.last = e.Operation.ID.s, bool(e.Operation.First), bool(e.Operation.Last)
	e.Operation.Last = true // a half counts here, and is paired by whoever asked
	result := (&parser{}).classify(e)
	switch {
	case result.Ignored == FailedCall:
		one.failed = true
	case result.Cause == nil:
		return one, false
	}
	one.write = Write{Cause: result.Seen}
	if !slices.Contains(WriteKinds(), one.write.Kind) {
		return one, false
	}
	one.write.fill(e)
	return one, true
}

// WriteKinds are the kinds of calls that Writes reads.
func WriteKinds() []Kind {
	return []Kind{RunServiceChanged, RunServiceDeleted, RunIAMChanged, BackendServiceChanged, IAPPolicyChanged, RoutingChanged}
}

// fill reads what was written out of the request.
func (w *Write) fill(e *entry) {
	collection, verb := splitMethod(e.ProtoPayload.MethodName.s)
	verb = strings.ToLower(verb)
	var request map[string]any
	_ = json.Unmarshal(e.ProtoPayload.Request, &request) // what is no object says nothing
	w.Anew = w.Kind == RunServiceDeleted
	for _, word := range []string{"insert", "create", "delete"} {
		w.Anew = w.Anew || strings.HasPrefix(verb, word)
	}
	switch {
	case w.Kind == RunIAMChanged, w.Kind == IAPPolicyChanged:
		w.Policy = policyOf(request)
	case w.Kind == BackendServiceChanged:
		w.backend(verb, request)
	case collection == "Services" && verb == "updateservice":
		w.serviceV2(request)
	case collection == "Services" && verb == "replaceservice":
		w.serviceV1(request)
	}
}

// backend reads a write to a backend service. A patch names what it writes; an
// update replaces the whole, and what it does not name may be gone or not.
// Every other method leaves IAP alone.
func (w *Write) backend(verb string, request map[string]any) {
	if verb != "patch" && verb != "update" {
		w.Whole = true
		return
	}
	iap, named := request["iap"].(map[string]any)
	if enabled := word(iap["enabled"]); enabled != "" {
		w.Settings, w.Whole = map[string]string{"iap.enabled": enabled}, true
		return
	}
	delete(request, "@type")
	w.Whole = verb == "patch" && !named && len(request) > 0
}

// serviceFields are the settings of a service as v2 names them, with what they
// are where nobody sets them.
var serviceFields = map[string]string{
	"ingress": string(posture.IngressAll), "iapEnabled": "false", "invokerIamDisabled": "false",
}

// serviceV2 reads an update through v2. That an entry holds the update mask is
// *unverified*; without one only what the request names is known.
func (w *Write) serviceV2(request map[string]any) {
	service, _ := request["service"].(map[string]any)
	mask := maskOf(request["updateMask"])
	w.Settings, w.Whole = map[string]string{}, len(mask) > 0
	for field, unset := range serviceFields {
		value := word(service[field])
		masked := mask[strings.ToLower(field)] || mask["*"]
		switch {
		case len(mask) > 0 && !masked:
		case value != "":
			w.Settings[field] = ingressWord(value)
		case masked:
			w.Settings[field] = unset
		}
	}
}

// serviceAnnotations are the same settings as v1 spells them, which always
// replaces the whole service. Source: run/docs/reference/rest/v1/namespaces.services.
var serviceAnnotations = map[string]string{
	"ingress": "run.googleapis.com/ingress", "iapEnabled": "run.googleapis.com/iap-enabled",
	"invokerIamDisabled": "run.googleapis.com/invoker-iam-disabled",
}

func (w *Write) serviceV1(request map[string]any) {
	service, _ := request["service"].(map[string]any)
	metadata, told := service["metadata"].(map[string]any)
	if !told {
		return
	}
	annotations, _ := metadata["annotations"].(map[string]any)
	w.Settings, w.Whole = map[string]string{}, true
	for field, annotation := range serviceAnnotations {
		w.Settings[field] = cmp.Or(strings.ToLower(word(annotations[annotation])), serviceFields[field]) // gcloud writes "True"
	}
}

// ingressWord is v2's name of an ingress setting as package posture has it;
// anything else stays as it is.
func ingressWord(value string) string {
	switch value {
	case "INGRESS_TRAFFIC_ALL", "INGRESS_TRAFFIC_UNSPECIFIED":
		return string(posture.IngressAll)
	case "INGRESS_TRAFFIC_INTERNAL_ONLY":
		return string(posture.IngressInternal)
	case "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER":
		return string(posture.IngressInternalLoadBalancing)
	case "INGRESS_TRAFFIC_NONE":
		return string(posture.IngressNone)
	}
	return value
}

// maskOf reads a field mask, which is a text in JSON and a list of paths as a
// protobuf message: its paths in lower case, without underscores.
func maskOf(value any) map[string]bool {
	var paths []string
	switch value := value.(type) {
	case string:
		paths = strings.Split(value, ",")
	case map[string]any:
		list, _ := value["paths"].([]any)
		for _, path := range list {
			paths = append(paths, word(path))
		}
	}
	mask := map[string]bool{}
	for _, path := range paths {
		path = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(path), "_", ""))
		if path != "" {
			mask[path] = true
		}
	}
	return mask
}

// policyOf is the policy of a SetIamPolicy request, nil where there is none.
func policyOf(request map[string]any) *posture.Policy {
	sent, told := request["policy"].(map[string]any)
	if !told {
		return nil
	}
	policy := &posture.Policy{}
	bindings, _ := sent["bindings"].([]any)
	for _, each := range bindings {
		binding, _ := each.(map[string]any)
		condition, _ := binding["condition"].(map[string]any)
		members, _ := binding["members"].([]any)
		read := posture.Binding{Role: word(binding["role"]), Condition: word(condition["expression"])}
		for _, member := range members {
			read.Members = append(read.Members, word(member))
		}
		policy.Bindings = append(policy.Bindings, read)
	}
	return policy
}

// word is a text, or a truth value as text: exporters turn one into the other.
func word(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case bool:
		if value {
			return "true"
		}
		return "false"
	}
	return ""
}
