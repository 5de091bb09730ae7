package apiserver

import "time"

// The logs of Cloud Audit Logs that a record can belong to.
const (
	Activity    = "activity"
	SystemEvent = "system_event"
	DataAccess  = "data_access"
)

// AuditRecord is the facts of one audit log entry. How an entry is written is
// up to its receiver.
type AuditRecord struct {
	// Log is Activity, SystemEvent or DataAccess.
	Log string
	// Service is the API's host name: "run.googleapis.com".
	Service string
	// Method is protoPayload.methodName.
	Method string
	// ResourceName is protoPayload.resourceName.
	ResourceName string
	// ResourceType and Labels are the monitored resource.
	ResourceType string
	Labels       map[string]string
	// Location is where the resource lives (resourceLocation), if known.
	Location string
	// Principal is empty for what Google does by itself.
	Principal Principal
	// Delegation is who impersonated the principal, the first first.
	Delegation []Principal
	CallerIP   string
	UserAgent  string
	// Authorization says which permissions were asked for.
	Authorization []Authorization
	// Request and Response are what was sent and answered. They are not to be
	// changed by the receiver of the record.
	Request  map[string]any
	Response map[string]any
	// PolicyDeltas are the changes of a SetIamPolicy call, each a
	// google.iam.v1.BindingDelta.
	PolicyDeltas []any
	// Status is set when the call or the operation failed.
	Status *Status
	// Time is when the call arrived.
	Time time.Time
	// Operation ties the entries of one long-running operation together.
	Operation *AuditOperation
	// Severity is NOTICE, INFO or ERROR.
	Severity string
}

// Authorization is one permission that a call needed.
type Authorization struct {
	Permission string
	Resource   string
	Granted    bool
}

// Status is a google.rpc.Status: a gRPC code and a message.
type Status struct {
	Code    int
	Message string
}

// AuditOperation says which part of an operation an entry covers.
type AuditOperation struct {
	ID, Producer string
	First, Last  bool
}

// secret are the fields that APIs take and never show, which no log shows
// either. That logs leave them out is unverified.
var secret = []string{"oauth2ClientSecret", "clientSecret", "privateKey", "pemPrivateKey"}

// hideSecrets takes them out of a request, at any depth.
func hideSecrets(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range secret {
			delete(value, key)
		}
		for _, inner := range value {
			hideSecrets(inner)
		}
	case []any:
		for _, inner := range value {
			hideSecrets(inner)
		}
	}
}
