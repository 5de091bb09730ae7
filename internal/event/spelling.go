package event

import "strings"

// spellings leads from other spellings of a name to Google's own: all in lower
// case and in snake case, as collectors and exporters write them, and what
// Panther's normalisation makes of some.
var spellings = func() map[string]string {
	m := map[string]string{
		"at_sign_type": "@type",
		"at_type":      "@type",
		"callerIP":     "callerIp",
	}
	for _, name := range []string{
		"logName", "insertId", "receiveTimestamp", "protoPayload", "jsonPayload", "textPayload", "httpRequest",
		"serviceName", "methodName", "resourceName", "authenticationInfo", "principalEmail", "principalSubject",
		"requestMetadata", "callerIp", "callerSuppliedUserAgent", "requestAttributes", "resourceLocation",
		"currentLocations", "authorizationInfo", "serviceData", "policyDelta", "bindingDeltas", "requestMethod",
		"requestUrl", "remoteIp", "userAgent", "statusDetails", "proxyStatus",
	} {
		m[strings.ToLower(name)] = name
		m[snake(name)] = name
	}
	return m
}()

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

// respell visits a member of an unknown name again under the right spelling of
// its name, or skips it.
func (r *reader) respell(name []byte, visit func(name []byte) error) error {
	right, ok := spellings[string(name)]
	if !ok {
		return r.skip()
	}
	outer := r.alias
	r.alias = true
	err := visit([]byte(right))
	r.alias = outer
	return err
}
