package logging

import "time"

// Entry is a LogEntry. Fields stand in the order in which Google writes them
// (logging/docs/reference/v2/rest/v2/LogEntry).
type Entry struct {
	ProtoPayload     *AuditLog         `json:"protoPayload,omitempty"`
	JSONPayload      map[string]any    `json:"jsonPayload,omitempty"`
	TextPayload      string            `json:"textPayload,omitempty"`
	InsertID         string            `json:"insertId"`
	HTTPRequest      map[string]any    `json:"httpRequest,omitempty"`
	Resource         Resource          `json:"resource"`
	Timestamp        string            `json:"timestamp"`
	Severity         string            `json:"severity,omitempty"`
	Labels           map[string]string `json:"labels,omitempty"`
	LogName          string            `json:"logName"`
	Operation        *Operation        `json:"operation,omitempty"`
	Trace            string            `json:"trace,omitempty"`
	SpanID           string            `json:"spanId,omitempty"`
	ReceiveTimestamp string            `json:"receiveTimestamp"`
}

// Resource is a monitored resource.
type Resource struct {
	Type   string            `json:"type"`
	Labels map[string]string `json:"labels"`
}

// Operation says which part of a long-running operation an entry covers.
type Operation struct {
	ID       string `json:"id"`
	Producer string `json:"producer"`
	First    bool   `json:"first,omitempty"`
	Last     bool   `json:"last,omitempty"`
}

// AuditLog is google.cloud.audit.AuditLog.
type AuditLog struct {
	Type               string           `json:"@type,omitempty"`
	Status             *Status          `json:"status,omitempty"`
	AuthenticationInfo *Authentication  `json:"authenticationInfo,omitempty"`
	RequestMetadata    *RequestMetadata `json:"requestMetadata,omitempty"`
	ServiceName        string           `json:"serviceName"`
	MethodName         string           `json:"methodName"`
	AuthorizationInfo  []map[string]any `json:"authorizationInfo,omitempty"`
	ResourceName       string           `json:"resourceName"`
	Request            map[string]any   `json:"request,omitempty"`
	Response           map[string]any   `json:"response,omitempty"`
	ServiceData        map[string]any   `json:"serviceData,omitempty"`
	ResourceLocation   *Locations       `json:"resourceLocation,omitempty"`
}

// Status is a google.rpc.Status. A success that has a message has no code.
type Status struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// Authentication says who called.
type Authentication struct {
	PrincipalEmail   string `json:"principalEmail"`
	PrincipalSubject string `json:"principalSubject,omitempty"`
	// ServiceAccountDelegationInfo is who impersonated the principal.
	ServiceAccountDelegationInfo []Delegate `json:"serviceAccountDelegationInfo,omitempty"`
}

// Delegate is one who impersonated the next, or the principal.
type Delegate struct {
	FirstPartyPrincipal FirstParty `json:"firstPartyPrincipal"`
	PrincipalSubject    string     `json:"principalSubject,omitempty"`
}

// FirstParty is an identity of Google's.
type FirstParty struct {
	PrincipalEmail string `json:"principalEmail"`
}

// RequestMetadata says from where and with what somebody called.
type RequestMetadata struct {
	CallerIP                string            `json:"callerIp"`
	CallerSuppliedUserAgent string            `json:"callerSuppliedUserAgent"`
	RequestAttributes       RequestAttributes `json:"requestAttributes"`
	DestinationAttributes   struct{}          `json:"destinationAttributes"`
}

// RequestAttributes has the time at which the request arrived.
type RequestAttributes struct {
	Time string   `json:"time"`
	Auth struct{} `json:"auth"`
}

// Locations are where a resource lives.
type Locations struct {
	CurrentLocations []string `json:"currentLocations"`
}

// timestamp is a time as protobuf's JSON has it: UTC, with 0, 3, 6 or 9
// decimals.
func timestamp(at time.Time) string {
	at = at.UTC()
	for digits, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if at.Truncate(unit).Equal(at) {
			return at.Format([]string{"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05.000000Z"}[digits])
		}
	}
	return at.Format("2006-01-02T15:04:05.000000000Z")
}
