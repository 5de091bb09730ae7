package logging

// fields are what a LogEntry has: for a field of its own what it is where an
// entry lacks it, nil for a message, whose own fields follow, and for what may
// hold anything. A filter that names another field is refused
// (logging/docs/view/logging-query-language, Field path identifiers and Missing
// fields; logging/docs/reference/v2/rest/v2/LogEntry).
var fields = map[string]map[string]any{
	"httpRequest": {
		"requestMethod": "", "requestUrl": "", "requestSize": "0", "status": "0", "responseSize": "0", "userAgent": "",
		"remoteIp": "", "serverIp": "", "referer": "", "latency": nil, "cacheLookup": false, "cacheHit": false,
		"cacheValidatedWithOriginServer": false, "cacheFillBytes": "0", "protocol": "",
	},
	"operation":      {"id": "", "producer": "", "first": false, "last": false},
	"resource":       {"type": "", "labels": nil},
	"sourceLocation": {"file": "", "line": "0", "function": ""},
	"split":          {"uid": "", "index": "0", "totalSplits": "0"},
	"metadata":       {"systemLabels": nil, "userLabels": nil},
	"": {"insertId": "", "logName": "", "spanId": "", "trace": "", "traceSampled": false,
		"textPayload": "", "severity": "DEFAULT"},
}

// variable may hold anything, or are times, for which nothing is known to stand.
var variable = map[string]bool{
	"jsonPayload": true, "protoPayload": true, "labels": true, "timestamp": true, "receiveTimestamp": true,
	"errorGroups": true, "apphub": true, "apphubDestination": true, "apphubSource": true,
}

// defined reports whether log entries can have a field.
func defined(path []string) bool {
	first := camel(path[0])
	if message := fields[first]; first != "" && message != nil {
		if len(path) == 1 {
			return true
		}
		_, known := message[camel(path[1])]
		return known
	}
	_, own := fields[""][first]
	return variable[first] || own && len(path) == 1
}

// unset is what a field is where an entry lacks it, nil where it is missing then.
func unset(path []string) any {
	switch {
	case len(path) == 1:
		return fields[""][camel(path[0])]
	case len(path) == 2 && path[0] != "":
		return fields[camel(path[0])][camel(path[1])]
	}
	return nil
}
