package function

import (
	"slices"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/telemetry"
)

// prefix begins every variable of ours.
const prefix = "IAPGUARD_"

// variables are the names of our variables without those of endpoints. Another name
// with our prefix is refused, so that a misspelt one is noticed.
var variables = []string{
	"POLICY", "HOLDS", "REPORTS_TOPIC", "WORK_TOPIC", "MEMORY", "MEMORY_KEY", "SELF", "WRITERS",
	"CALLERS_EVENTS", "CALLERS_WORK", "CALLERS_COMMANDS", "OPERATORS", "AUDIENCE", "CONTEXT", "ENDPOINT",
	"HEARTBEAT", "SIGNING_KEY", "SIGNATURES_TOPIC",
}

var endpointVariables = map[string]connect.API{
	"ENDPOINT_RUN": connect.Run, "ENDPOINT_COMPUTE": connect.Compute, "ENDPOINT_IAP": connect.IAP,
	"ENDPOINT_SERVICEUSAGE": connect.ServiceUsage, "ENDPOINT_RESOURCEMANAGER": connect.ResourceManager,
	"ENDPOINT_LOGGING": connect.Logging, "ENDPOINT_PUBSUB": connect.PubSub, "ENDPOINT_EVENTARC": connect.Eventarc,
	"ENDPOINT_CLOUDSCHEDULER": connect.Scheduler, "ENDPOINT_SECURITYCENTER": connect.SecurityCenter, "ENDPOINT_SECRETMANAGER": connect.SecretManager,
	"ENDPOINT_IAM": connect.IAM, "ENDPOINT_IAMCREDENTIALS": connect.IAMCredentials, "ENDPOINT_STORAGE": connect.Storage,
	"ENDPOINT_NETWORKSECURITY": connect.NetworkSecurity, "ENDPOINT_MONITORING": connect.Monitoring,
	"ENDPOINT_CLOUDKMS": connect.KMS, "ENDPOINT_CLOUDASSET": connect.CloudAsset,
}

// others are the variables that are read without our prefix.
var others = []string{
	"PUBSUB_EMULATOR_HOST", "PORT", "LOG_LEVEL", "K_SERVICE", "GOOGLE_CLOUD_PROJECT", "GOMEMLIMIT",
}

// Variables are the names of all environment variables that serve reads, sorted.
func Variables() []string {
	names := append(slices.Clone(others), telemetry.Variables()...)
	for _, name := range variables {
		names = append(names, prefix+name)
	}
	for name := range endpointVariables {
		names = append(names, prefix+name)
	}
	slices.Sort(names)
	return names
}
