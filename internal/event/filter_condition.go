package event

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Readiness is told in a system event's message: see notReady and readinessRow.
const (
	readiness        = "Ready condition status changed to "
	unnamedReadiness = `(
        NOT protoPayload.methodName=~"." AND resource.type="cloud_run_revision"
        AND protoPayload.status.message=~"^` + readiness + `True "
      )`
)

// conditions say, per kind, what of its entries is acted on at all, as far as
// the query language can ask it. Each is the other half of the function named.
var conditions = map[Kind]string{
	// notReady
	RunServiceReady: `NOT (protoPayload.status.message=~"^` + readiness + `" AND NOT protoPayload.status.message=~"^` + readiness + `True ")`,
	// iapIdentity and iapWeb: web resources of projects, but not App Engine
	IAPPolicyChanged:   webResource,
	IAPSettingsChanged: webResource,
	// projectIdentity
	ProjectIAMChanged: invokerOfProject,
	// disabledIdentity
	APIDisabled: anyOf(
		`protoPayload.request.serviceName="iap.googleapis.com"`,
		named("protoPayload.request.name", iapAPI),
		named("protoPayload.resourceName", iapAPI),
		named("protoPayload.authorizationInfo.resource", iapAPI),
	),
}

const (
	iapAPI    = "(^|/)services/iap[.]googleapis[.]com(/|$)"
	iapWebs   = "^(//iap[.]googleapis[.]com/)?projects/[^/]+/iap_web(/|$)"
	appEngine = "/iap_web/appengine(-[^/]*)?(/|$)"
	above     = "^(folders|organizations)/"
	invokers  = "^roles/run[.](invoker|servicesInvoker)$|@gcp-sa-iap[.]iam[.]gserviceaccount[.]com$"
)

// webResource asks the first of the fields that says which resource it is.
var webResource = func() string {
	const name, resource, settings = "protoPayload.resourceName", "protoPayload.request.resource", "protoPayload.request.iapSettings.name"
	web := func(field string) string { return named(field, iapWebs) + " AND NOT " + named(field, appEngine) }
	return anyOf(
		"("+web(name)+")",
		"(NOT "+named(name, ".")+" AND "+web(resource)+")",
		"(NOT "+named(name, ".")+" AND NOT "+named(resource, ".")+" AND "+web(settings)+")",
	)
}()

// invokerOfProject asks the binding deltas, and where there are none the policy.
var invokerOfProject = func() string {
	const deltas, bindings = "protoPayload.serviceData.policyDelta.bindingDeltas", "protoPayload.request.policy.bindings"
	return `NOT resource.type=("folder" OR "organization")
        AND NOT ` + named("protoPayload.resourceName", above) + `
        AND NOT (NOT ` + named("protoPayload.resourceName", ".") + " AND " + named("protoPayload.request.resource", above) + `)
        AND ` + anyOf(
		named(deltas+".role", invokers), named(deltas+".member", invokers),
		"(NOT "+deltas+":* AND ("+named(bindings+".role", invokers)+" OR "+named(bindings+".members", invokers)+"))",
	)
}()

// named is a comparison with a regular expression.
func named(field, expression string) string { return field + "=~" + strconv.Quote(expression) }

func anyOf(conditions ...string) string {
	return "(\n          " + strings.Join(conditions, "\n          OR ") + "\n        )"
}

// listed is a list of values: ("a" OR "b").
func listed(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = strconv.Quote(value)
	}
	return "(" + strings.Join(quoted, " OR ") + ")"
}

func logIDs(ids []string) string {
	calls := make([]string, len(ids))
	for i, id := range ids {
		calls[i] = "log_id(" + strconv.Quote(id) + ")"
	}
	return strings.Join(calls, " OR ")
}

func keys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
