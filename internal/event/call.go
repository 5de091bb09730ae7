package event

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// callRequest is the request of an audited call: the members of any method that
// name what the call is about.
type callRequest struct {
	object
	Name          text             `json:"name"`
	Resource      text             `json:"resource"`
	Parent        text             `json:"parent"`
	Region        text             `json:"region"`
	ServiceID     text             `json:"serviceId,case:ignore"` // or service_id
	ServiceName   text             `json:"serviceName"`
	Service       requestedService `json:"service"`
	DomainMapping domainMapping    `json:"domainMapping"`
	IAPSettings   named            `json:"iapSettings"`
	AuthzPolicy   named            `json:"authzPolicy"`
	Policy        policy           `json:"policy"`
}

type requestedService struct {
	object
	Name     text  `json:"name"`     // in v2
	Metadata named `json:"metadata"` // in v1
}

type named struct {
	object
	Name text `json:"name"`
}

type domainMapping struct {
	object
	Spec route `json:"spec"`
}

type route struct {
	object
	RouteName text `json:"routeName"`
}

type policy struct {
	object
	Bindings bindings `json:"bindings"`
}

// callResponse is the response of an audited call on a v1 resource of Cloud Run.
type callResponse struct {
	object
	Metadata responseMetadata `json:"metadata"`
	Spec     route            `json:"spec"`
}

type responseMetadata struct {
	object
	Labels responseLabels `json:"labels"`
}

type responseLabels struct {
	object
	Location text `json:"cloud.googleapis.com/location"`
	Service  text `json:"serving.knative.dev/service"`
}

// serviceData is what the entry of a SetIamPolicy call says about the change.
type serviceData struct {
	object
	PolicyDelta policyDelta `json:"policyDelta"`
}

type policyDelta struct {
	object
	BindingDeltas bindings `json:"bindingDeltas"`
}

// request and its siblings decode on demand. The entry was read to its end, so the
// values are valid JSON and cannot fail.
func (p *auditLog) request() (r callRequest) {
	if p.Request.kind() == '{' {
		_ = decode(p.Request, &r)
	}
	return r
}

func (p *auditLog) response() (r callResponse) {
	if p.Response.kind() == '{' {
		_ = decode(p.Response, &r)
	}
	return r
}

func (p *auditLog) serviceData() (d serviceData) {
	if p.ServiceData.kind() == '{' {
		_ = decode(p.ServiceData, &d)
	}
	return d
}

// bindings are the bindings of a policy, or the changes to them.
type bindings struct {
	present bool
	entry   bool // one of them decides who gets in, see decidesEntry
}

// binding is one binding.
type binding struct {
	object
	Role    text         `json:"role"`
	Member  text         `json:"member"` // of a change
	Members entryMembers `json:"members"`
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (b *bindings) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	b.present = true
	return elements(dec, func() error {
		var one binding
		err := json.UnmarshalDecode(dec, &one)
		b.entry = b.entry || decidesEntry(one.Role.s) || decidesEntry(one.Member.s) || bool(one.Members)
		return err
	})
}

// entryMembers reports whether a list of members holds one that decidesEntry
// recognises.
type entryMembers bool

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *entryMembers) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return elements(dec, func() error {
		var member text
		err := member.UnmarshalJSONFrom(dec)
		*m = *m || entryMembers(decidesEntry(member.s))
		return err
	})
}

// permissions is the authorizationInfo of an audited call: the permissions that
// the API asked for.
type permissions struct {
	granted, denied bool   // some row says so
	service         string // the first resource that names a service, or an API
}

// permission is one row of it.
type permission struct {
	object
	Resource text `json:"resource"`
	Granted  raw  `json:"granted"`
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *permissions) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return elements(dec, func() error {
		var row permission
		err := json.UnmarshalDecode(dec, &row)
		switch strings.Trim(string(row.Granted), `"`) {
		case "true":
			p.granted = true
		case "false":
			p.denied = true
		}
		if p.service == "" && strings.Contains(row.Resource.s, "/services/") {
			p.service = row.Resource.s
		}
		return err
	})
}

// permissions decodes on demand, see request.
func (p *auditLog) permissions() (all permissions) {
	if p.AuthorizationInfo.kind() == '[' {
		_ = decode(p.AuthorizationInfo, &all)
	}
	return all
}
