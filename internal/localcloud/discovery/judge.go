package discovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// judge lists what is wrong with a call.
func judge(x apiserver.Exchange) []string {
	answer, err := decode(x.Answer)
	if x.Status >= http.StatusBadRequest {
		if err != nil {
			return []string{"the error is not JSON: " + err.Error()}
		}
		return errorShape(x, answer)
	}
	api, method, ok := x.Route.Discovery()
	if !ok {
		return []string{"the method is not in Google's documents"}
	}
	// The document is v1's, and compute's other versions have more fields.
	lenient := x.Route.API == "compute" && !strings.HasPrefix(x.Route.Path, "/compute/v1/")
	found := accepted(x, api, method, lenient)
	if method.Download && x.Request.URL.Query().Get("alt") == "media" {
		return found
	}
	resumable := method.Upload != "" && x.Request.URL.Query().Get("uploadType") == "resumable" // says all in headers
	switch {
	case len(x.Answer) == 0 && (resumable || method.Response == "" || x.Status == http.StatusNotModified ||
		x.Status == http.StatusNoContent && x.Request.Method == http.MethodDelete):
	case err != nil:
		found = append(found, "the answer is not JSON: "+err.Error())
	case method.Response == "":
		found = append(found, "the method answers nothing, the answer has a body")
	default:
		found = append(found, unlessLenient(api.Violations(method.Response, answer), lenient)...)
	}
	return found
}

// unlessLenient leaves out unknown fields where the document is that of another
// version: compute's beta has more than v1.
func unlessLenient(found []string, lenient bool) []string {
	if !lenient {
		return found
	}
	return slices.DeleteFunc(found, func(text string) bool { return strings.Contains(text, "unknown field") })
}

// accepted lists what is wrong with a request that succeeded.
func accepted(x apiserver.Exchange, api *schema.API, method schema.Method, lenient bool) []string {
	var found []string
	for name := range x.Request.URL.Query() {
		_, ok := method.Parameters[name]
		// gcloud sends returnPartialSuccess with every aggregated list
		// (recorded); not every one has it in the document.
		ok = ok || name == "returnPartialSuccess" && strings.HasSuffix(method.ID, ".aggregatedList")
		// Terraform's provider sends Pub/Sub's mask as a parameter (recorded).
		ok = ok || name == "updateMask" && strings.HasPrefix(method.ID, "pubsub.") && strings.HasSuffix(method.ID, ".patch")
		if !ok && !common[name] && !pathParameter(method, name) {
			found = append(found, fmt.Sprintf("query parameter %q is not one of the method's", name))
		}
	}
	slices.Sort(found)
	if len(x.Body) == 0 || strings.Contains(x.Request.URL.Path, "/upload/") {
		return found
	}
	if method.Request == "" {
		// Google's Node.js clients send an empty text over REST (seen of google-gax 5).
		trimmed := string(bytes.TrimSpace(x.Body))
		if trimmed != "" && trimmed != "{}" && trimmed != `""` {
			found = append(found, "the method takes no body, one was accepted")
		}
		return found
	}
	body, err := decode(x.Body)
	object, ok := body.(map[string]any)
	if err != nil || !ok {
		return append(found, "a body that is not a JSON object was accepted")
	}
	normalize := api.Normalize
	if lenient {
		normalize = api.NormalizeLater
	}
	if _, err := normalize(method.Request, object); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			found = append(found, "accepted: "+line)
		}
	}
	return found
}

// common are the parameters of every method (discovery's top level), and those
// of upload.
var common = map[string]bool{
	"$.xgafv": true, "access_token": true, "alt": true, "$alt": true, "callback": true, "fields": true, "$fields": true,
	"key": true, "oauth_token": true, "prettyPrint": true, "$prettyPrint": true, "quotaUser": true, "userIp": true,
	"uploadType": true, "upload_protocol": true, "upload_id": true,
}

// pathParameter reports whether a name is a variable of the method's path:
// clients in Python send some of them twice.
func pathParameter(method schema.Method, name string) bool {
	return strings.Contains(method.Path, "{"+name+"}")
}

// errorShape lists what is wrong with the body of an error (wire.md 0.1).
func errorShape(x apiserver.Exchange, answer any) []string {
	object, _ := answer.(map[string]any)
	body, ok := object["error"].(map[string]any)
	if !ok || len(object) != 1 {
		return []string{"the error is not {\"error\": {…}}"}
	}
	var found []string
	if fmt.Sprint(body["code"]) != fmt.Sprint(x.Status) {
		found = append(found, fmt.Sprintf("error.code is %v in an answer with status %d", body["code"], x.Status))
	}
	if text, ok := body["message"].(string); !ok || text == "" {
		found = append(found, "error.message is not a text")
	}
	legacy := x.Route != nil && (x.Route.API == "compute" || x.Route.API == "storage")
	if status, ok := body["status"].(string); !legacy && (!ok || !canonical[status]) {
		found = append(found, fmt.Sprintf("error.status is %v", body["status"]))
	}
	list, isList := body["errors"].([]any)
	if legacy && (!isList || len(list) == 0) {
		found = append(found, "error.errors is missing")
	}
	for _, each := range list {
		entry, _ := each.(map[string]any)
		for _, name := range []string{"message", "domain", "reason"} {
			if text, ok := entry[name].(string); !ok || text == "" {
				found = append(found, "error.errors[] has no "+name)
			}
		}
	}
	details, _ := body["details"].([]any)
	for _, each := range details {
		entry, _ := each.(map[string]any)
		if typeURL, _ := entry["@type"].(string); !strings.HasPrefix(typeURL, "type.googleapis.com/") {
			found = append(found, "error.details[] has no @type")
		}
	}
	for name := range body {
		if !slices.Contains([]string{"code", "message", "status", "errors", "details"}, name) {
			found = append(found, fmt.Sprintf("error has a field %q", name))
		}
	}
	return found
}

// canonical are the names of google.rpc.Code.
var canonical = map[string]bool{
	"CANCELLED": true, "UNKNOWN": true, "INVALID_ARGUMENT": true, "DEADLINE_EXCEEDED": true, "NOT_FOUND": true,
	"ALREADY_EXISTS": true, "PERMISSION_DENIED": true, "UNAUTHENTICATED": true, "RESOURCE_EXHAUSTED": true,
	"FAILED_PRECONDITION": true, "ABORTED": true, "OUT_OF_RANGE": true, "UNIMPLEMENTED": true, "INTERNAL": true,
	"UNAVAILABLE": true, "DATA_LOSS": true,
}

func decode(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}
