package event

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Collectors and exporters write Google's names in lower case or in snake case;
// Panther's normalisation has a form of its own. Such an entry is rewritten under
// Google's names and read once more. This costs the entries of Cloud Logging
// itself nothing: a rewrite happens only where an unknown member has a name
// that is known in another spelling.

// spellings leads from other spellings of a name to Google's own.
var spellings = func() map[string]string {
	// Tables that a sink to BigQuery fills name the payload by its type
	// (logging/docs/export/bigquery).
	m := map[string]string{"callerIP": "callerIp", "protopayload_auditlog": "protoPayload"}
	for _, name := range []string{
		"logName", "insertId", "receiveTimestamp", "protoPayload", "jsonPayload", "textPayload", "httpRequest",
		"serviceName", "methodName", "resourceName", "authenticationInfo", "principalEmail", "principalSubject",
		"requestMetadata", "callerIp", "callerSuppliedUserAgent", "requestAttributes", "resourceLocation",
		"currentLocations", "authorizationInfo", "serviceData", "requestMethod",
		"requestUrl", "remoteIp", "userAgent", "statusDetails", "proxyStatus",
	} {
		m[strings.ToLower(name)] = name
		m[snake(name)] = name
	}
	return m
}()

// respelledInside are the members whose own members have other spellings too.
// Labels are not among them: their names are in snake case by right.
var respelledInside = map[string]bool{
	"protoPayload": true, "authenticationInfo": true, "requestMetadata": true, "resourceLocation": true,
	"jsonPayload": true, "httpRequest": true,
}

// respelledDepth is how deep respelledInside are nested in an entry.
const respelledDepth = 2

func snake(name string) string {
	var b strings.Builder
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// misspelled reports whether an entry has members under other names than
// Google's.
func (d *document) misspelled() bool {
	payload := &d.ProtoPayload
	for _, unknown := range []jsontext.Value{
		d.Unknown, payload.Unknown, payload.AuthenticationInfo.Unknown, payload.RequestMetadata.Unknown,
		payload.ResourceLocation.Unknown, d.JSONPayload.Unknown, d.HTTPRequest.Unknown,
	} {
		for name := range members(unknown) {
			if spellings[name] != "" {
				return true
			}
		}
	}
	return false
}

// auditLogIn is the audit log within a payload of Log Analytics, whose rows keep it beside
// its type; any other payload is itself.
func auditLogIn(payload jsontext.Value) jsontext.Value {
	if payload.Kind() == '{' {
		for name, value := range members(payload) {
			if name == "audit_log" && value.Kind() == '{' {
				return value
			}
		}
	}
	return payload
}

// respelled is an entry under Google's names, in its objects down to a depth.
// Where an object has a member under both names, Google's wins.
func respelled(v jsontext.Value, depth int) jsontext.Value {
	has := map[string]bool{}
	for name := range members(v) {
		has[name] = true
	}
	out := []byte{'{'}
	for name, value := range members(v) {
		if right := spellings[name]; right != "" {
			if has[right] {
				continue
			}
			name, has[right] = right, true
		}
		if name == "protoPayload" {
			value = auditLogIn(value)
		}
		if depth > 0 && respelledInside[name] && value.Kind() == '{' {
			value = respelled(value, depth-1)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, name) // replaces invalid UTF-8
		out = append(append(out, ':'), value...)
	}
	return append(out, '}')
}
