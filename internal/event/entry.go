package event

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// entry is what is read of one log entry. Large parts that few entries need
// (request, response, …) are kept as they stand and looked into on demand.
type entry struct {
	logName, insertID, severity     text
	timestamp, receiveTimestamp     text
	textPayload                     text
	resource                        resource
	first, last                     bool
	operationID, splitUID           text
	payload                         payload
	http                            httpRequest
	hasPayload, hasJSON, hasRequest bool
	statusDetails, proxyStatus      text
	word                            text // jsonPayload.iapguard
}

// resource is the monitored resource with the labels that are of use.
type resource struct {
	kind, project, location, region, zone, service, revision text
	backendID, backendName, backendTarget                    text
}

// payload is the AuditLog of an entry.
type payload struct {
	typeName, service, method, resource     text
	principal, subject, callerIP, userAgent text
	timestamp, requestTime                  text
	hasStatus                               bool
	statusCode, statusMessage               text
	location                                text
	locations                               int
	authorization                           jsontext.Value
	request, response, serviceData          jsontext.Value
}

// httpRequest is the request that a request log is about.
type httpRequest struct {
	status, url, method, userAgent, remoteIP text
}

// isEntry reports whether an object has what only log entries have.
func (e *entry) isEntry() bool {
	return e.hasPayload || e.hasJSON || e.hasRequest || e.textPayload.s != "" || e.logName.s != "" || e.insertID.s != ""
}

// member reads one member of a LogEntry.
func (e *entry) member(r *reader, name []byte) error {
	switch string(name) {
	case "protoPayload":
		e.hasPayload = e.hasPayload || r.dec.PeekKind() == '{'
		return r.object(func(name []byte) error { return e.payload.member(r, name) })
	case "logName":
		return r.text(&e.logName)
	case "insertId":
		return r.text(&e.insertID)
	case "timestamp":
		return r.text(&e.timestamp)
	case "receiveTimestamp":
		return r.text(&e.receiveTimestamp)
	case "severity":
		return r.text(&e.severity)
	case "resource":
		return r.object(func(name []byte) error { return e.resource.member(r, name) })
	case "operation":
		return r.object(func(name []byte) error { return e.operation(r, name) })
	case "split":
		return r.object(func(name []byte) error {
			if string(name) == "uid" {
				return r.text(&e.splitUID)
			}
			return r.skip()
		})
	case "httpRequest":
		e.hasRequest = e.hasRequest || r.dec.PeekKind() == '{'
		return r.object(func(name []byte) error { return e.http.member(r, name) })
	case "jsonPayload":
		e.hasJSON = e.hasJSON || r.dec.PeekKind() == '{'
		return r.object(func(name []byte) error { return e.json(r, name) })
	case "textPayload":
		return r.text(&e.textPayload)
	}
	return r.respell(name, func(name []byte) error { return e.member(r, name) })
}

func (e *entry) operation(r *reader, name []byte) error {
	switch string(name) {
	case "id":
		return r.text(&e.operationID)
	case "first":
		return r.flag(&e.first)
	case "last":
		return r.flag(&e.last)
	}
	return r.skip()
}

func (e *entry) json(r *reader, name []byte) error {
	switch string(name) {
	case "statusDetails":
		return r.text(&e.statusDetails)
	case "proxyStatus":
		return r.text(&e.proxyStatus)
	case "iapguard":
		return r.text(&e.word)
	}
	return r.respell(name, func(name []byte) error { return e.json(r, name) })
}

func (m *resource) member(r *reader, name []byte) error {
	switch string(name) {
	case "type":
		return r.text(&m.kind)
	case "labels":
		return r.object(func(name []byte) error { return m.label(r, name) })
	}
	return r.skip()
}

func (m *resource) label(r *reader, name []byte) error {
	switch string(name) {
	case "project_id":
		return r.text(&m.project)
	case "location":
		return r.text(&m.location)
	case "region":
		return r.text(&m.region)
	case "zone":
		return r.text(&m.zone)
	case "service_name":
		return r.text(&m.service)
	case "revision_name":
		return r.text(&m.revision)
	case "backend_service_id":
		return r.text(&m.backendID)
	case "backend_service_name":
		return r.text(&m.backendName)
	case "backend_target_name":
		return r.text(&m.backendTarget)
	}
	return r.skip()
}

func (p *payload) member(r *reader, name []byte) error {
	switch string(name) {
	case "@type":
		return r.text(&p.typeName)
	case "serviceName":
		if err := r.text(&p.service); err != nil || !r.hurry || p.service.s == "" || byService[p.service.s] != nil {
			return err
		}
		return errElsewhere
	case "methodName":
		return r.text(&p.method)
	case "resourceName":
		return r.text(&p.resource)
	case "timestamp": // where the entry itself has none
		return r.text(&p.timestamp)
	case "authenticationInfo", "requestMetadata":
		return r.object(func(name []byte) error { return p.caller(r, name) })
	case "status":
		p.hasStatus = p.hasStatus || r.dec.PeekKind() == '{'
		return r.object(func(name []byte) error { return p.status(r, name) })
	case "resourceLocation":
		return r.object(func(name []byte) error { return p.currentLocations(r, name) })
	case "authorizationInfo":
		return r.value(&p.authorization)
	case "request":
		return r.value(&p.request)
	case "response":
		return r.value(&p.response)
	case "serviceData":
		return r.value(&p.serviceData)
	}
	return r.respell(name, func(name []byte) error { return p.member(r, name) })
}

// caller reads authenticationInfo and requestMetadata, whose names do not
// overlap.
func (p *payload) caller(r *reader, name []byte) error {
	switch string(name) {
	case "principalEmail":
		return r.text(&p.principal)
	case "principalSubject":
		return r.text(&p.subject)
	case "callerIp":
		return r.text(&p.callerIP)
	case "callerSuppliedUserAgent":
		return r.text(&p.userAgent)
	case "requestAttributes":
		return r.object(func(name []byte) error {
			if string(name) == "time" {
				return r.text(&p.requestTime)
			}
			return r.skip()
		})
	}
	return r.respell(name, func(name []byte) error { return p.caller(r, name) })
}

func (p *payload) status(r *reader, name []byte) error {
	switch string(name) {
	case "code":
		return r.text(&p.statusCode)
	case "message":
		return r.text(&p.statusMessage)
	}
	return r.skip()
}

func (p *payload) currentLocations(r *reader, name []byte) error {
	if string(name) != "currentLocations" {
		return r.respell(name, func(name []byte) error { return p.currentLocations(r, name) })
	}
	return r.elements(func() error {
		p.locations++
		if p.locations > 1 {
			return r.skip()
		}
		return r.text(&p.location)
	})
}

func (h *httpRequest) member(r *reader, name []byte) error {
	switch string(name) {
	case "status":
		return r.text(&h.status)
	case "requestUrl":
		return r.text(&h.url)
	case "requestMethod":
		return r.text(&h.method)
	case "userAgent":
		return r.text(&h.userAgent)
	case "remoteIp":
		return r.text(&h.remoteIP)
	}
	return r.respell(name, func(name []byte) error { return h.member(r, name) })
}

// contradicts names a member that stands twice with different values, "" when
// there is none.
func (e *entry) contradicts() string {
	for _, m := range []struct {
		name  string
		twice bool
	}{
		{"logName", e.logName.twice},
		{"insertId", e.insertID.twice},
		{"timestamp", e.timestamp.twice},
		{"serviceName", e.payload.service.twice},
		{"methodName", e.payload.method.twice},
		{"resourceName", e.payload.resource.twice},
		{"principalEmail", e.payload.principal.twice},
		{"callerSuppliedUserAgent", e.payload.userAgent.twice},
		{"status.code", e.payload.statusCode.twice},
		{"project_id", e.resource.project.twice},
		{"location", e.resource.location.twice},
		{"service_name", e.resource.service.twice},
		{"httpRequest.status", e.http.status.twice},
		{"iapguard", e.word.twice},
	} {
		if m.twice {
			return m.name
		}
	}
	return ""
}

// by is who did it: the e-mail, or else the account of the principal subject.
func (p *payload) by() string {
	if p.principal.s != "" {
		return clean(p.principal.s, maxIdentifier)
	}
	subject := p.subject.s
	for _, prefix := range []string{"user:", "serviceAccount:"} {
		subject = strings.TrimPrefix(subject, prefix)
	}
	return clean(subject, maxIdentifier)
}
