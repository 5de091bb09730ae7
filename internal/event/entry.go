package event

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/iapguard/iapguard/internal/safetext"
)

// entry is a LogEntry of Cloud Logging, as far as it is read. Source:
// logging/docs/reference/v2/rest/v2/LogEntry.
type entry struct {
	ProtoPayload     auditLog    `json:"protoPayload"`
	JSONPayload      jsonPayload `json:"jsonPayload"`
	TextPayload      text        `json:"textPayload"`
	HTTPRequest      httpRequest `json:"httpRequest"`
	LogName          text        `json:"logName"`
	InsertID         text        `json:"insertId"`
	Severity         text        `json:"severity"`
	Timestamp        text        `json:"timestamp"`
	ReceiveTimestamp text        `json:"receiveTimestamp"`
	Resource         monitored   `json:"resource"`
	Operation        operation   `json:"operation"`
	Split            split       `json:"split"`
}

// operation is the part of a long operation that an entry is about.
type operation struct {
	object
	ID    text `json:"id"`
	First flag `json:"first"`
	Last  flag `json:"last"`
}

// split marks the entries that are pieces of one.
type split struct {
	object
	UID text `json:"uid"`
}

// auditLog is the payload of an audit entry. Source:
// logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog.
type auditLog struct {
	open
	Type               raw                `json:"@type"` // so that it is not kept as unknown
	ServiceName        serviceName        `json:"serviceName"`
	MethodName         text               `json:"methodName"`
	ResourceName       text               `json:"resourceName"`
	Timestamp          text               `json:"timestamp"` // of some collectors, in place of the entry's
	Status             status             `json:"status"`
	AuthenticationInfo authenticationInfo `json:"authenticationInfo"`
	RequestMetadata    requestMetadata    `json:"requestMetadata"`
	ResourceLocation   resourceLocation   `json:"resourceLocation"`
	AuthorizationInfo  raw                `json:"authorizationInfo"` // permissions
	Request            raw                `json:"request"`           // callRequest
	Response           raw                `json:"response"`          // callResponse
	ServiceData        raw                `json:"serviceData"`       // serviceData
}

type status struct {
	object
	Code    text `json:"code"`
	Message text `json:"message"`
}

type authenticationInfo struct {
	open
	PrincipalEmail   text `json:"principalEmail"`
	PrincipalSubject text `json:"principalSubject"`
}

type requestMetadata struct {
	open
	CallerIP                text              `json:"callerIp"`
	CallerSuppliedUserAgent text              `json:"callerSuppliedUserAgent"`
	RequestAttributes       requestAttributes `json:"requestAttributes"`
}

type requestAttributes struct {
	object
	Time text `json:"time"`
}

type resourceLocation struct {
	open
	CurrentLocations onlyLocation `json:"currentLocations"`
}

// jsonPayload is what a load balancer says of a request, or our heartbeat.
type jsonPayload struct {
	open
	StatusDetails text `json:"statusDetails"`
	ProxyStatus   text `json:"proxyStatus"`
	IAPGuard      text `json:"iapguard"`
	Nonce         text `json:"nonce"`
}

// httpRequest is the request that an entry of a request log is about.
type httpRequest struct {
	open
	Status        text `json:"status"`
	RequestURL    text `json:"requestUrl"`
	RequestMethod text `json:"requestMethod"`
	UserAgent     text `json:"userAgent"`
	RemoteIP      text `json:"remoteIp"`
}

// monitored is a monitored resource with the labels that are read. Source:
// monitoring/api/resources.
type monitored struct {
	object
	Type   text   `json:"type"`
	Labels labels `json:"labels"`
}

type labels struct {
	object
	ProjectID          text `json:"project_id"`
	Location           text `json:"location"`
	Region             text `json:"region"`
	Zone               text `json:"zone"`
	ServiceName        text `json:"service_name"`
	RevisionName       text `json:"revision_name"`
	BackendServiceID   text `json:"backend_service_id"`
	BackendServiceName text `json:"backend_service_name"`
	BackendTargetName  text `json:"backend_target_name"`
}

// serviceName is the API of an audited call. Nearly all entries are of APIs without
// a row in the table, and are left here: the rest need not be read.
type serviceName struct {
	text
	skipForeign bool // see parser
}

// errForeign leaves an entry of an API without a row in the table. It has the type
// of a syntax error because the decoder returns those unchanged. It would wrap
// any other error once for each level, at half the cost of the entry.
var errForeign error = &jsontext.SyntacticError{Err: errors.New("an entry of another service")}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (n *serviceName) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if err := n.text.UnmarshalJSONFrom(dec); err != nil || !n.skipForeign || n.s == "" || byService[n.s] != nil {
		return err
	}
	return errForeign
}

// onlyLocation is the location of a list that has exactly one, else empty.
type onlyLocation struct {
	text
	count int
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (l *onlyLocation) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return elements(dec, func() error {
		if l.count++; l.count > 1 {
			l.s = ""
			return skip(dec)
		}
		return l.text.UnmarshalJSONFrom(dec)
	})
}

// isEntry reports whether an object has what only log entries have.
func (e *entry) isEntry() bool {
	return e.ProtoPayload.Present || e.JSONPayload.Present || e.HTTPRequest.Present ||
		e.TextPayload.s != "" || e.LogName.s != "" || e.InsertID.s != ""
}

// contradicts names a member that occurs twice with different values, "" when
// there is none.
func (e *entry) contradicts() string {
	payload, labels := &e.ProtoPayload, &e.Resource.Labels
	members := []struct {
		name  string
		twice bool
	}{
		{"logName", e.LogName.twice},
		{"insertId", e.InsertID.twice},
		{"timestamp", e.Timestamp.twice},
		{"serviceName", payload.ServiceName.twice},
		{"methodName", payload.MethodName.twice},
		{"resourceName", payload.ResourceName.twice},
		{"principalEmail", payload.AuthenticationInfo.PrincipalEmail.twice},
		{"callerSuppliedUserAgent", payload.RequestMetadata.CallerSuppliedUserAgent.twice},
		{"status.code", payload.Status.Code.twice},
		{"project_id", labels.ProjectID.twice},
		{"location", labels.Location.twice},
		{"service_name", labels.ServiceName.twice},
		{"httpRequest.status", e.HTTPRequest.Status.twice},
		{"iapguard", e.JSONPayload.IAPGuard.twice},
	}
	for _, m := range members {
		if m.twice {
			return m.name
		}
	}
	return ""
}

// by is the account that called: the e-mail, or else the account of the
// principal subject.
func (p *auditLog) by() string {
	if email := p.AuthenticationInfo.PrincipalEmail.s; email != "" {
		return safetext.Escape(email, maxIdentifier)
	}
	subject := p.AuthenticationInfo.PrincipalSubject.s
	for _, prefix := range []string{"user:", "serviceAccount:"} {
		subject = strings.TrimPrefix(subject, prefix)
	}
	return safetext.Escape(subject, maxIdentifier)
}
