package event

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/iapguard/iapguard/internal/posture"
)

// Write is one successful call in an audit log, by any caller, with what it wrote
// as far as the entry says.
type Write struct {
	Cause
	// Settings are the settings of a protection that the call wrote. They have the
	// names that plans use (iap.enabled, iapEnabled, ingress, invokerIamDisabled)
	// and the values of package posture.
	Settings map[string]string
	// Complete reports whether the entry shows everything that was written: then a
	// setting that is not among Settings kept its value.
	Complete bool
	// Policy is the IAM policy that was written, nil if the entry has none.
	Policy *posture.Policy
	// Recreated reports whether the call created or deleted the resource.
	Recreated bool
}

// Trail is what the audit logs of some projects show of the writes to a service and to what
// leads to it.
type Trail struct {
	Writes []Write   // oldest first
	From   time.Time // since when no write is missing, in the logs that were read
	// Unread is why the log of a project could not be read, by the project's id; none = all
	// were.
	Unread map[string]error
}

// WriteKinds are the kinds of calls that Writes reads.
func WriteKinds() []Kind {
	return []Kind{
		RunServiceChanged, RunServiceDeleted, RunIAMChanged, BackendServiceChanged, IAPPolicyChanged, RoutingChanged,
	}
}

// Writes reads the entries of an answer to entries.list and returns each write
// once, oldest first. The two entries of a long operation are one write, at the
// time of the call. Unreadable entries are skipped.
func Writes(entries []json.RawMessage) []Write {
	var found []writeEntry
	begun, failed, known := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, text := range entries {
		one, ok := readWrite(text)
		if !ok || known[one.write.Key] {
			continue
		}
		known[one.write.Key] = true
		begun[one.operation] = begun[one.operation] || one.first
		failed[one.operation] = failed[one.operation] || one.failed
		found = append(found, one)
	}
	var writes []Write
	for _, one := range found {
		secondHalf := one.last && !one.first && begun[one.operation]
		if !one.failed && !secondHalf && (one.operation == "" || !failed[one.operation]) {
			writes = append(writes, one.write)
		}
	}
	slices.SortStableFunc(writes, func(a, b Write) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key, b.Key)) })
	return writes
}

// writeEntry is one entry about a write.
type writeEntry struct {
	write               Write
	operation           string // id, "" for a call that ended at once
	first, last, failed bool
}

func readWrite(text []byte) (one writeEntry, ok bool) {
	if len(text) > MaxBody || deeper(text, maxDepth) {
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
	e.Operation.Last = true // a first half counts here; Writes pairs it
	result := (&parser{}).classify(e)
	switch {
	case result.Ignored == failedCall, result.Cause != nil && e.failedAfterAdmission():
		one.failed = true // what it changed is not known
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

// writeRequest is the request of a call that writes a protection, as far as it is
// read: a BackendService of Compute, or the request message of Cloud Run or IAM.
type writeRequest struct {
	open
	Type       raw           `json:"@type"`
	IAP        writtenIAP    `json:"iap"`        // of a BackendService
	Service    writtenRun    `json:"service"`    // of Cloud Run
	UpdateMask fieldMask     `json:"updateMask"` // of Cloud Run v2
	Policy     writtenPolicy `json:"policy"`     // of SetIamPolicy
}

type writtenIAP struct {
	object
	Enabled word `json:"enabled"`
}

// writtenRun is a Service of v2, or of v1 with its settings as annotations. Source:
// run/docs/reference/rest/v1/namespaces.services.
type writtenRun struct {
	object
	Ingress            word        `json:"ingress"`
	IAPEnabled         word        `json:"iapEnabled"`
	InvokerIAMDisabled word        `json:"invokerIamDisabled"`
	Metadata           writtenMeta `json:"metadata"`
}

type writtenMeta struct {
	object
	Annotations writtenAnnotations `json:"annotations"`
}

type writtenAnnotations struct {
	object
	Ingress            word `json:"run.googleapis.com/ingress"`
	IAPEnabled         word `json:"run.googleapis.com/iap-enabled"`
	InvokerIAMDisabled word `json:"run.googleapis.com/invoker-iam-disabled"`
}

type writtenPolicy struct {
	object
	Bindings list[writtenBinding] `json:"bindings"`
}

type writtenBinding struct {
	object
	Role      word             `json:"role"`
	Members   list[word]       `json:"members"`
	Condition writtenCondition `json:"condition"`
}

type writtenCondition struct {
	object
	Expression word `json:"expression"`
}

// fill reads what was written from the request.
func (w *Write) fill(e *entry) {
	collection, verb := splitMethod(e.ProtoPayload.MethodName.s)
	verb = strings.ToLower(verb)
	var request writeRequest
	if e.ProtoPayload.Request.kind() == '{' {
		_ = decode(e.ProtoPayload.Request, &request) // is valid JSON, see auditLog.request
	}
	w.Recreated = w.Kind == RunServiceDeleted
	for _, prefix := range []string{"insert", "create", "delete"} {
		w.Recreated = w.Recreated || strings.HasPrefix(verb, prefix)
	}
	switch {
	case w.Kind == RunIAMChanged, w.Kind == IAPPolicyChanged:
		w.Policy = request.Policy.posture()
	case w.Kind == BackendServiceChanged:
		w.fillBackend(verb, request)
	case collection == "Services" && verb == "updateservice":
		w.fillServiceV2(request)
	case collection == "Services" && verb == "replaceservice":
		w.fillServiceV1(request.Service.Metadata)
	}
}

// fillBackend reads a write to a backend service. A patch has the fields that it
// writes. An update replaces the resource: a field that it lacks may be gone or
// unchanged. Every other method leaves IAP alone.
func (w *Write) fillBackend(verb string, request writeRequest) {
	if verb != "patch" && verb != "update" {
		w.Complete = true
		return
	}
	if enabled := request.IAP.Enabled; enabled != "" {
		w.Settings, w.Complete = map[string]string{"iap.enabled": string(enabled)}, true
		return
	}
	w.Complete = verb == "patch" && !request.IAP.Present && len(request.Unknown) > 0
}

// serviceDefaults are the settings of a service, by their names in v2, with their
// values where they are not set.
var serviceDefaults = map[string]string{
	"ingress": string(posture.IngressAll), "iapEnabled": "false", "invokerIamDisabled": "false",
}

// fillServiceV2 reads an update through v2. Whether an entry has the update mask is
// *unverified*. Without a mask only the fields in the request are known.
func (w *Write) fillServiceV2(request writeRequest) {
	sent := map[string]word{
		"ingress": request.Service.Ingress, "iapEnabled": request.Service.IAPEnabled,
		"invokerIamDisabled": request.Service.InvokerIAMDisabled,
	}
	mask := request.UpdateMask
	w.Settings, w.Complete = map[string]string{}, len(mask) > 0
	for field, unset := range serviceDefaults {
		value := string(sent[field])
		masked := mask[strings.ToLower(field)] || mask["*"]
		switch {
		case len(mask) > 0 && !masked:
		case value != "":
			w.Settings[field] = ingressOf(value)
		case masked:
			w.Settings[field] = unset
		}
	}
}

// fillServiceV1 reads an update through v1, which replaces the service.
func (w *Write) fillServiceV1(sent writtenMeta) {
	if !sent.Present {
		return
	}
	annotations := map[string]word{
		"ingress": sent.Annotations.Ingress, "iapEnabled": sent.Annotations.IAPEnabled,
		"invokerIamDisabled": sent.Annotations.InvokerIAMDisabled,
	}
	w.Settings, w.Complete = map[string]string{}, true
	for field, unset := range serviceDefaults {
		w.Settings[field] = cmp.Or(strings.ToLower(string(annotations[field])), unset) // gcloud writes "True"
	}
}

// ingressOf translates v2's name of an ingress setting to package posture's. It
// returns any other value unchanged.
func ingressOf(value string) string {
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

// posture is the policy in package posture's form, nil without one.
func (p writtenPolicy) posture() *posture.Policy {
	if !p.Present {
		return nil
	}
	policy := &posture.Policy{}
	for _, sent := range p.Bindings {
		binding := posture.Binding{Role: string(sent.Role), Condition: string(sent.Condition.Expression)}
		for _, member := range sent.Members {
			binding.Members = append(binding.Members, string(member))
		}
		policy.Bindings = append(policy.Bindings, binding)
	}
	return policy
}

// fieldMask is a field mask: a text in JSON, a list of paths as a protobuf message.
// Its keys are the paths in lower case, without underscores.
type fieldMask map[string]bool

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *fieldMask) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var paths []string
	if dec.PeekKind() == '"' {
		var list word
		if err := list.UnmarshalJSONFrom(dec); err != nil {
			return err
		}
		paths = strings.Split(string(list), ",")
	} else {
		var message maskMessage
		if err := jsonv2.UnmarshalDecode(dec, &message); err != nil {
			return err
		}
		for _, path := range message.Paths {
			paths = append(paths, string(path))
		}
	}
	*m = fieldMask{}
	for _, path := range paths {
		if path = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(path), "_", "")); path != "" {
			(*m)[path] = true
		}
	}
	return nil
}

type maskMessage struct {
	object
	Paths list[word] `json:"paths"`
}

// word is a text, or a truth value as text: exporters turn one into the other. Any
// other value leaves it empty.
type word string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (w *word) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind := dec.PeekKind()
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch kind {
	case '"':
		*w = word(unquoted(v))
	case 't', 'f':
		*w = word(v)
	}
	return nil
}

// list is an array. Any other value leaves it empty.
type list[T any] []T

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (l *list[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return skip(dec)
	}
	return jsonv2.UnmarshalDecode(dec, (*[]T)(l))
}
