package logging

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const auditLogType = "type.googleapis.com/google.cloud.audit.AuditLog"

// gfe is what Google's front end adds to the user agent of every call
// (recorded).
const gfe = ",gzip(gfe)"

// auditEntry writes a record as Google would. The router adds insertId and
// receiveTimestamp.
func auditEntry(record apiserver.AuditRecord) Entry {
	labels := maps.Clone(record.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	entry := Entry{
		LogName:      owner(labels) + "/logs/cloudaudit.googleapis.com%2F" + record.Log,
		Timestamp:    timestamp(record.Time.Truncate(time.Microsecond)),
		Severity:     record.Severity,
		Resource:     Resource{Type: record.ResourceType, Labels: labels},
		ProtoPayload: auditLog(record),
	}
	if operation := record.Operation; operation != nil {
		entry.Operation = &Operation{operation.ID, operation.Producer, operation.First, operation.Last}
	}
	return entry
}

// owner is whose log an entry belongs to: the folder or the organization that it is
// about, or else the project, which the labels then name.
func owner(labels map[string]string) string {
	for _, kind := range []string{"folder", "organization"} {
		if id := labels[kind+"_id"]; id != "" {
			return kind + "s/" + id
		}
	}
	if labels["project_id"] == "" {
		labels["project_id"] = apiserver.ProjectID
	}
	return "projects/" + labels["project_id"]
}

// showDeltas are the APIs whose entries of SetIamPolicy say what changed (recorded for
// projects, service accounts and buckets; entries of Cloud Run, IAP and Compute Engine
// are recorded without).
var showDeltas = []string{"cloudresourcemanager.googleapis.com", "iam.googleapis.com", "storage.googleapis.com"}

func auditLog(record apiserver.AuditRecord) *AuditLog {
	log := &AuditLog{
		Type: auditLogType, ServiceName: record.Service, MethodName: record.Method, ResourceName: record.ResourceName,
		Request: request(record), Response: response(record),
	}
	if len(record.PolicyDeltas) > 0 && slices.Contains(showDeltas, record.Service) {
		log.ServiceData = map[string]any{"@type": "type.googleapis.com/google.iam.v1.logging.AuditData",
			"policyDelta": map[string]any{"bindingDeltas": record.PolicyDeltas}}
	}
	if record.Status != nil {
		log.Status = &Status{record.Status.Code, record.Status.Message}
	}
	if record.Location != "" {
		log.ResourceLocation = &Locations{[]string{record.Location}}
	}
	if record.Principal != "" {
		log.AuthenticationInfo = &Authentication{PrincipalEmail: record.Principal.Email(),
			PrincipalSubject: string(record.Principal)}
		for _, each := range record.Delegation {
			log.AuthenticationInfo.ServiceAccountDelegationInfo = append(log.AuthenticationInfo.ServiceAccountDelegationInfo,
				Delegate{FirstParty{each.Email()}, string(each)})
		}
		log.RequestMetadata = &RequestMetadata{
			CallerIP: record.CallerIP, CallerSuppliedUserAgent: record.UserAgent + gfe,
			RequestAttributes: RequestAttributes{Time: timestamp(record.Time.Truncate(time.Microsecond))},
		}
	}
	if !secondHalf(record) {
		log.AuthorizationInfo = authorization(record)
	}
	return log
}

// secondHalf reports whether the record ends an operation that another record
// began. Such entries carry neither the request's fields, nor a response, nor
// an authorization (recorded for compute).
func secondHalf(record apiserver.AuditRecord) bool {
	return record.Operation != nil && record.Operation.Last && !record.Operation.First
}

// authorization has several forms: Cloud Run names the resource beside empty
// attributes, Compute Engine and IAP put it into the attributes, Resource Manager does
// both (recorded).
func authorization(record apiserver.AuditRecord) []map[string]any {
	var all []map[string]any
	for _, each := range record.Authorization {
		info := map[string]any{"permission": each.Permission}
		if each.Granted {
			info["granted"] = true
		}
		switch record.Service {
		case "compute.googleapis.com":
			kind, _, _ := cutLast(each.Permission, ".")
			info["resourceAttributes"] = map[string]any{"name": each.Resource, "service": "compute", "type": kind}
		case "iap.googleapis.com":
			info["resourceAttributes"] = map[string]any{
				"name": each.Resource, "service": record.Service, "type": record.Service + "/WebService"}
		case "cloudresourcemanager.googleapis.com":
			kind := strings.ToUpper(record.ResourceType[:1]) + record.ResourceType[1:]
			info["resource"] = each.Resource
			info["resourceAttributes"] = map[string]any{
				"name": each.Resource, "service": record.Service, "type": record.Service + "/" + kind}
		default:
			if each.Resource != "" {
				info["resource"] = each.Resource
			}
			info["permissionType"] = "ADMIN_WRITE"
			info["resourceAttributes"] = map[string]any{}
		}
		all = append(all, info)
	}
	return all
}

// request is what was sent, under its type. The record's writer may have
// given the type already.
func request(record apiserver.AuditRecord) map[string]any {
	if record.Log == apiserver.SystemEvent && record.Request == nil {
		return nil
	}
	sent := apiserver.Clone(record.Request)
	if sent == nil || secondHalf(record) {
		typed := apiserver.Text(sent, "@type")
		sent = map[string]any{}
		if typed != "" {
			sent["@type"] = typed
		}
	}
	_, method, _ := cutLast(record.Method, ".")
	switch {
	case sent["@type"] != nil:
	case record.Service == "compute.googleapis.com":
		_, call, _ := strings.Cut(record.Method, ".") // without the API's version
		sent["@type"] = "type.googleapis.com/" + call
	case method == "SetIamPolicy":
		sent["@type"] = "type.googleapis.com/google.iam.v1.SetIamPolicyRequest"
		sent["resource"] = record.ResourceName
		if record.ResourceType == "project" { // the bare id (recorded)
			_, sent["resource"], _ = cutLast(record.ResourceName, "/")
		}
	default:
		sent["@type"] = "type.googleapis.com/" + messagePackage(record) + "." + method + "Request"
	}
	if record.Service == "compute.googleapis.com" {
		return withTextNumbers(sent)
	}
	return sent
}

func response(record apiserver.AuditRecord) map[string]any {
	if record.Response == nil || secondHalf(record) {
		return nil
	}
	answered := apiserver.Clone(record.Response)
	_, method, _ := cutLast(record.Method, ".")
	switch {
	case record.Service == "compute.googleapis.com":
		answered["@type"] = "type.googleapis.com/operation"
		delete(answered, "kind")
		return withTextNumbers(answered)
	case answered["@type"] != nil:
	case method == "SetIamPolicy":
		answered["@type"] = "type.googleapis.com/google.iam.v1.Policy"
	}
	return answered
}

// messagePackage is the protobuf package of a method's messages: its name
// without service and method. A bare method name has its API's package.
func messagePackage(record apiserver.AuditRecord) string {
	service, _, _ := cutLast(record.Method, ".")
	if pkg, _, ok := cutLast(service, "."); ok {
		return pkg
	}
	api, _, _ := strings.Cut(record.Service, ".")
	return "google.cloud." + api + ".v1"
}

// withTextNumbers writes numbers as strings, as Compute Engine's entries have
// them ("priority": "1000", "progress": "0"; recorded).
func withTextNumbers(object map[string]any) map[string]any {
	return textNumbers(object).(map[string]any)
}

func textNumbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, each := range value {
			value[key] = textNumbers(each)
		}
	case []any:
		for i, each := range value {
			value[i] = textNumbers(each)
		}
	case json.Number, int, int32, int64, float64:
		return fmt.Sprint(value)
	}
	return value
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(separator):], true
}
