package posture

import (
	"slices"
	"strings"
	"time"
)

// ClosedToInternet is true of the settings that are known to keep the internet
// out of the default URL. What is not known is taken for open.
func (i Ingress) ClosedToInternet() bool {
	return i == IngressInternal || i == IngressInternalLoadBalancing || i == IngressNone
}

// Internal reports whether the load balancer takes requests from inside a VPC
// network only.
func (b Backend) Internal() bool { return strings.HasPrefix(b.Scheme, "INTERNAL") }

// Posture is what was observed of one Cloud Run service and of every load
// balancer before it, at one time, in our words.
type Posture struct {
	Target         Target // with the project's id
	ProjectNumber  string
	NoOrganization bool // the project is in no organization, so Google manages no OAuth client for it
	Service        Service
	ServiceUnread  string // why the service itself could not be read; "" = it was
	Invokers       Policy // the service's IAM policy; inherited bindings are not in it
	AtGlobal       Policy // of a part of a multi-region service: the service's policy at global
	Project        Policy // the project's IAM policy, whose bindings hold for everything in it
	// Above are the IAM policies of the folders above the project, the nearest first, and
	// of its organization, whose bindings hold for everything in the project.
	Above    []AccessPolicy
	Backends []Backend
	// FunctionBackends are backend services of Cloud Functions' NEGs that name a function as
	// the service is named, or any by a URL mask. They lead to the service at most where it
	// is a function.
	FunctionBackends []Backend
	BackendsUnread   string   // why Backends may lack some; "" = all are known
	Domains          []Domain // hosts that Cloud Run itself leads to the service
	DomainsUnread    string   // why the domain mappings could not be read; "" = they were
	// DirectAccess is IAP's policy of the service itself, which counts with
	// direct IAP, and DirectInherited those of the resources above it.
	DirectAccess    Policy
	DirectInherited []Policy
	DirectSettings  IAPSettings // of IAP at the service itself
	// Regions are what was observed of a multi-region service in each of its regions, where
	// it is a service of its own to load balancers and to IAM; nil = it is in one region. Its
	// own Service and Invokers are those at the location global: see WithRegions and Parts.
	Regions    []Posture
	Roles      map[string]Role // custom roles of the policies, by name; one that is missing was not read
	Ancestors  Ancestors       // of the project
	Trust      Trust           // who counts as an outsider, by the policy; the rest is observed
	APIsOff    []string        // hosts of the APIs that are switched off in the project, sorted
	Unread     []Unread        // what could not be read; every other fact holds even so
	ObservedAt time.Time
}

// Service is what matters of the Cloud Run service itself.
type Service struct {
	UID                string
	Version            string // etag, opaque
	Ingress            Ingress
	InvokerCheckOff    bool // invokerIamDisabled: anyone may invoke, whatever the policy says
	IAPOn              bool // direct IAP on the service (iapEnabled)
	DefaultURLDisabled bool
	HTTP2              bool     // the container takes HTTP/2 without TLS (port name h2c)
	URLs               []string // run.app addresses; Cloud Run lists none once they are switched off
	Tags               []string // of revisions, each with addresses of its own
	TagURLs            []string // run.app addresses of tagged revisions, as far as they are listed
	Calls              []string // run.app hosts that its environment names
	Labels             map[string]string
	Regions            []string // of a multi-region service; nil = it is in one
	Reconciling        bool     // a deployment or change is still being rolled out
	CreatedAt          time.Time
	UpdatedAt          time.Time
	LastModifier       string // e-mail of who last changed the service, "" where Cloud Run does not say
}

// Ingress says from where a service can be reached at all. The values are
// those that gcloud takes; IngressUnknown is what the API answers while no
// revision is active, and it says nothing: the setting may well be stricter.
type Ingress string

// The ingress settings.
const (
	IngressUnknown               Ingress = ""
	IngressAll                   Ingress = "all"
	IngressInternal              Ingress = "internal"
	IngressInternalLoadBalancing Ingress = "internal-and-cloud-load-balancing"
	IngressNone                  Ingress = "none"
)

// Policy is an IAM policy as far as roles and members go.
type Policy struct {
	Version string // etag, opaque
	// ChangedAt is when the policy was last written, zero when the etag does
	// not show it. That an IAM etag holds that time is an observation of recorded
	// traffic, not documented by Google.
	ChangedAt time.Time
	Bindings  []Binding
	Unread    string // why the policy could not be read; "" = it was
}

// Binding is one role with its members. Condition is the condition's
// expression; "" means that the binding always holds.
type Binding struct {
	Role      string
	Members   []string
	Condition string
}

// Roles of the recipe.
const (
	RoleInvoker  = "roles/run.invoker"
	RoleAccessor = "roles/iap.httpsResourceAccessor"
)

// Holds reports whether the policy gives the member the role without a condition.
func (p Policy) Holds(role, member string) bool {
	for _, binding := range p.Bindings {
		if binding.Role == role && binding.Condition == "" && Includes(binding.Members, member) {
			return true
		}
	}
	return false
}

// Members lists who has the role, with or without a condition, deleted
// members left out.
func (p Policy) Members(role string) []string {
	var members []string
	for _, binding := range p.Bindings {
		if binding.Role != role {
			continue
		}
		for _, member := range binding.Members {
			if !strings.HasPrefix(member, "deleted:") && !slices.Contains(members, member) {
				members = append(members, member)
			}
		}
	}
	return members
}

// Names reports whether any binding names the member, whatever the role.
func (p Policy) Names(member string) bool {
	return slices.ContainsFunc(p.Bindings, func(b Binding) bool { return Includes(b.Members, member) })
}

// Backend is a load balancer's backend service that can send requests to the
// service.
type Backend struct {
	Project  string // id of the project that owns it
	Location string // region, or Global
	Name     string
	ID       string // numeric
	Version  string // fingerprint, opaque
	Scheme   string // loadBalancingScheme, as the API spells it
	Protocol string // as the API spells it
	IAPOn    bool
	CDNOn    bool
	// OAuthClient is the id of a custom OAuth client with a secret; "" = none,
	// which does not rule out one in IAP's settings.
	OAuthClient string
	// Members are all Cloud Run services behind it, the target among them:
	// one IAP switch and one list of accessors serve them all.
	Members   []Member
	Frontends []Frontend
	// Served is how many requests succeeded there within a week, as far as somebody relies
	// on it. Unused means that it is known that nobody does.
	Served    int64
	Unused    bool
	Access    Policy   // IAP's policy of this backend service; inherited bindings are not in it
	Inherited []Policy // IAP's policies of the resources above it
	Settings  IAPSettings
	// Exempt says in words until when the policy lets the one door of this backend service
	// stay open, and on whose word; "" = it does not. The rest is observed.
	Exempt string
}

// Resource is the backend service's name under its API.
func (b Backend) Resource() string {
	return "projects/" + b.Project + "/" + b.scope() + "/backendServices/" + b.Name
}

func (b Backend) scope() string {
	if b.Location == Global {
		return Global
	}
	return "regions/" + b.Location
}

// AccessParents are the names of the resources from which the backend service
// inherits access, beside the project. Source: iap/docs/managing-access.
func (b Backend) AccessParents(projectNumber string) []string {
	parent, _, _ := strings.Cut(b.AccessResource(projectNumber), "/services/")
	return []string{parent, "projects/" + projectNumber + "/iap_web"}
}

// AccessResource is the name under which IAP keeps the backend service's policy.
// Source: iap/docs/managing-access.
func (b Backend) AccessResource(projectNumber string) string {
	return b.access(projectNumber) + b.Name
}

// AccessResourceByID is the same by the id of the backend service, which names it as well.
// Source: iap/docs/reference/rest/v1/v1/getIamPolicy; policy-intelligence/docs.
func (b Backend) AccessResourceByID(projectNumber string) string {
	return b.access(projectNumber) + b.ID
}

func (b Backend) access(projectNumber string) string {
	compute := "compute"
	if b.Location != Global {
		compute += "-" + b.Location
	}
	return "projects/" + projectNumber + "/iap_web/" + compute + "/services/"
}

// Member is one service behind a backend service.
type Member struct {
	Target   Target
	Missing  bool // the backend names a service that does not exist
	Invokers Policy
	// Labels, IAPOn and CreatedAt are of the service itself; those of others than
	// the target are read only while IAP is off at the backend service, and labels
	// where a rule asks for them.
	Labels    map[string]string
	IAPOn     bool
	CreatedAt time.Time
}

// AgentEmail is the address of IAP's service agent in a project.
// Source: iap/docs/enabling-cloud-run.
func AgentEmail(projectNumber string) string {
	return "service-" + projectNumber + "@gcp-sa-iap.iam.gserviceaccount.com"
}

// Agent is IAP's service agent as a member of an IAM policy.
func (p Posture) Agent() string { return "serviceAccount:" + AgentEmail(p.ProjectNumber) }

// AllMembers are all services that an IAP switch on this posture's backends
// concerns, each once, the target first. Where IAP is asked at the forwarding rules, or no
// frontend leads there, no backend service is switched.
func (p Posture) AllMembers() []Member {
	var members []Member
	for _, part := range p.Parts() {
		members = append(members, Member{Target: part.Target, Invokers: part.Invokers})
	}
	for _, backend := range p.Backends {
		if len(backend.Frontends) == 0 || backend.Delegated() {
			continue
		}
		for _, member := range backend.Members {
			if !slices.ContainsFunc(members, func(m Member) bool { return m.Target == member.Target }) {
				members = append(members, member)
			}
		}
	}
	return members
}

// Reached are the backends at which IAP is to be on: all that a frontend leads to, but
// for those before which IAP is asked at the forwarding rule already, and for those whose
// door is exempt.
func (p Posture) Reached() []Backend {
	return slices.DeleteFunc(slices.Clone(p.Backends),
		func(b Backend) bool { return len(b.Frontends) == 0 || b.Delegated() || b.Exempt != "" })
}

// ExemptDoor is the backend service whose one door may stay open.
func (p Posture) ExemptDoor() (Backend, bool) {
	i := slices.IndexFunc(p.Backends, func(b Backend) bool { return b.Exempt != "" })
	if i < 0 {
		return Backend{}, false
	}
	return p.Backends[i], true
}
