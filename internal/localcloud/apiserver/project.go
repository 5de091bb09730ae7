package apiserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The facts of the project that every local cloud starts with.
const (
	ProjectID      = "demo-project"
	ProjectNumber  = "123456789012"
	OrganizationID = "987654321098"
	// ProjectCreated is when the project was created, before all else.
	ProjectCreated = "2024-01-15T09:30:00.000000Z"
)

// services are the APIs that the local cloud knows, and their titles as the
// API library shows them. All of them start enabled.
var services = map[string]string{
	"bigquery.googleapis.com":             "BigQuery API",
	"bigquerydatatransfer.googleapis.com": "BigQuery Data Transfer API",
	"artifactregistry.googleapis.com":     "Artifact Registry API",
	"certificatemanager.googleapis.com":   "Certificate Manager API",
	"cloudasset.googleapis.com":           "Cloud Asset API",
	"cloudbilling.googleapis.com":         "Cloud Billing API",
	"cloudbuild.googleapis.com":           "Cloud Build API",
	"cloudfunctions.googleapis.com":       "Cloud Functions API",
	"cloudkms.googleapis.com":             "Cloud Key Management Service (KMS) API",
	"cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
	"cloudscheduler.googleapis.com":       "Cloud Scheduler API",
	"compute.googleapis.com":              "Compute Engine API",
	"eventarc.googleapis.com":             "Eventarc API",
	"iam.googleapis.com":                  "Identity and Access Management (IAM) API",
	"iamcredentials.googleapis.com":       "IAM Service Account Credentials API",
	"iap.googleapis.com":                  "Cloud Identity-Aware Proxy API",
	"logging.googleapis.com":              "Cloud Logging API",
	"monitoring.googleapis.com":           "Cloud Monitoring API",
	"networksecurity.googleapis.com":      "Network Security API",
	"orgpolicy.googleapis.com":            "Organization Policy API",
	"pubsub.googleapis.com":               "Cloud Pub/Sub API",
	"run.googleapis.com":                  "Cloud Run Admin API",
	"secretmanager.googleapis.com":        "Secret Manager API",
	"serviceusage.googleapis.com":         "Service Usage API",
	"storage.googleapis.com":              "Cloud Storage API",
	"telemetry.googleapis.com":            "Telemetry API",
}

// alwaysOn are the APIs that answer even when they are disabled, or nobody
// could ever enable anything again.
var alwaysOn = map[string]bool{
	"serviceusage.googleapis.com":         true,
	"cloudresourcemanager.googleapis.com": true,
}

// ServiceTitle is the title of an API ("Cloud Run Admin API"), empty when the
// local cloud does not know the API.
func ServiceTitle(service string) string { return services[service] }

// projectState is what changes about projects outside their resources.
type projectState struct {
	mu       sync.Mutex
	disabled map[string]map[string]bool // by the project's id
	agents   map[string]string          // of every project, by address
	accounts map[string]Account         // of every project, by address
}

func (p *projectState) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disabled, p.agents, p.accounts = map[string]map[string]bool{}, map[string]string{}, map[string]Account{}
}

func (p *projectState) state(of Project) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	enabled, agents := map[string]any{}, map[string]any{}
	for service := range services {
		enabled[service] = !p.disabled[of.ID][service]
	}
	for email := range p.agents {
		if strings.HasPrefix(email, "service-"+of.Number+"@") {
			agents[email] = true
		}
	}
	return map[string]any{
		"projectId": of.ID, "projectNumber": of.Number,
		"services": enabled, "serviceAgents": agents,
	}
}

// Services are the APIs that the local cloud knows, in order.
func Services() []string { return slices.Sorted(maps.Keys(services)) }

// Enabled reports whether an API is enabled in a project.
func (s *Server) Enabled(in Project, service string) bool {
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	_, known := services[service]
	return known && !s.project.disabled[in.ID][service]
}

// SetEnabled enables or disables an API in a project, and reports whether that changed
// anything.
func (s *Server) SetEnabled(in Project, service string, on bool) bool {
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	disabled := s.project.disabled[in.ID]
	if disabled == nil {
		disabled = map[string]bool{}
		s.project.disabled[in.ID] = disabled
	}
	changed := disabled[service] == on
	disabled[service] = !on
	return changed
}

// ProvisionAgent creates a service agent, once: a second call returns the same
// unique id. From then on IAM policies may name it.
func (s *Server) ProvisionAgent(email string) (uniqueID string) {
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	if id, ok := s.project.agents[email]; ok {
		return id
	}
	id := "11" + NewID()
	s.project.agents[email] = id
	return id
}

// AgentProvisioned reports whether a service agent exists.
func (s *Server) AgentProvisioned(email string) bool {
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	return s.project.agents[email] != ""
}

// Account is a service account that somebody made in a project.
type Account struct {
	Email, UniqueID, DisplayName, Description string
}

// PutAccount makes a service account exist, or changes it.
func (s *Server) PutAccount(account Account) {
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	s.project.accounts[account.Email] = account
}

// DropAccount deletes a service account.
func (s *Server) DropAccount(email string) {
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	delete(s.project.accounts, email)
}

// Accounts are the service accounts of all projects, by address.
func (s *Server) Accounts() []Account {
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	byEmail := func(a, b Account) int { return strings.Compare(a.Email, b.Email) }
	return slices.SortedFunc(maps.Values(s.project.accounts), byEmail)
}

// accountExists reports whether a policy may name a service account. IAP's
// agents must have been provisioned, and the accounts of the cloud's projects made;
// accounts of other projects and Google's other agents are taken as existing.
func (s *Server) accountExists(email string) bool {
	id, domain, _ := strings.Cut(email, "@")
	_, number, _ := strings.Cut(id, "-")
	project, isProject := strings.CutSuffix(domain, accountDomain)
	ours, hasAgent := s.Project(number)
	_, hasAccount := s.Project(project)
	s.project.mu.Lock()
	defer s.project.mu.Unlock()
	if hasAgent && email == ours.IAPAgent() {
		return s.project.agents[email] != ""
	}
	_, made := s.project.accounts[email]
	return made || !isProject || !hasAccount
}

// unknownProject is what an API answers about a project that does not exist
// or that the caller may not see; Google does not distinguish the two.
// Resource Manager's text is recorded; the others are unverified.
func unknownProject(c *Call, project string) *Error {
	if c.Route.API == "compute" {
		return NotFound("The resource 'projects/%s' was not found", project)
	}
	return permissionDenied(c, c.Route.Permission, strings.TrimPrefix(c.Resource, "/"))
}

// permissionDenied is the 403 of a missing permission as the API words it
// (wire.md 0.1): Compute Engine in a sentence of its own, Resource Manager
// without saying which permission it was.
func permissionDenied(c *Call, permission, resource string) *Error {
	switch c.Route.API {
	case "compute":
		return Denied("Required '%s' permission for '%s'", permission, resource)
	case "cloudresourcemanager":
		return Denied("The caller does not have permission")
	case "iamcredentials": // reported by many: it names no account
		e := Denied("Permission '%s' denied on resource (or it may not exist).", permission)
		e.Details = []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED",
			"domain":   "iam.googleapis.com",
			"metadata": map[string]any{"permission": permission},
		}}
		return e
	case "secretmanager":
		return Denied("Permission '%s' denied for resource '%s' (or it may not exist).", permission, resource)
	case "storage":
		return c.StorageDenied(permission)
	}
	return denied(c.Route.service(), permission, resource)
}

// StorageDenied is the 403 of a missing permission in Cloud Storage's own words
// (reported, e.g. ansible-collections/google.cloud#575).
func (c *Call) StorageDenied(permission string) *Error {
	who, kind := c.Caller.Email(), "bucket"
	if who == "" {
		who = "Anonymous caller"
	}
	if strings.HasPrefix(permission, "storage.objects.") && permission != "storage.objects.list" {
		kind = "object"
	}
	return Denied("%s does not have %s access to the Google Cloud Storage %s. Permission '%s' denied on resource (or it may not exist).",
		who, permission, kind, permission)
}

// denied is the 403 of a missing permission (wire.md 0.1).
func denied(service, permission, resource string) *Error {
	e := Denied("Permission '%s' denied on resource '//%s/%s' (or it may not exist).", permission, service, resource)
	e.Details = []any{map[string]any{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED", "domain": service,
		"metadata": map[string]any{"resource": resource, "permission": permission},
	}}
	return e
}

// ServiceDisabled is the 403 of an API that is disabled in a project, as recorded in 2025.
func ServiceDisabled(in Project, service string) *Error {
	title := services[service]
	url := fmt.Sprintf("https://console.developers.google.com/apis/api/%s/overview?project=%s", service, in.Number)
	e := Denied("%s has not been used in project %s before or it is disabled. Enable it by visiting %s then retry. "+
		"If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		title, in.Number, url)
	e.Reason, e.Domain = "accessNotConfigured", "usageLimits"
	e.Details = []any{
		map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
			"metadata": map[string]any{
				"activationUrl": url, "consumer": "projects/" + in.Number, "containerInfo": in.Number,
				"service": service, "serviceTitle": title,
			},
		},
		map[string]any{"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": e.Message},
		map[string]any{
			"@type": "type.googleapis.com/google.rpc.Help",
			"links": []any{map[string]any{"description": "Google developers console API activation", "url": url}},
		},
	}
	return e
}
