package logfilter

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/event"
)

// unnamedReadiness selects readiness events without a method: only their message
// has what became ready.
const unnamedReadiness = `(
        NOT protoPayload.methodName=~"." AND resource.type="cloud_run_revision"
        AND protoPayload.status.message=~"^` + event.ReadyPrefix + `True "
      )`

// conditions hold, for each kind, which of its entries act, as far as the query
// language can say it. Each is the counterpart of the function of package event
// that its comment names.
var conditions = map[event.Kind]string{
	// notReady
	event.RunServiceReady: `NOT (protoPayload.status.message=~"^` + event.ReadyPrefix +
		`" AND NOT protoPayload.status.message=~"^` + event.ReadyPrefix + `True ")`,
	// iapIdentity and iapWeb: web resources of projects, except App Engine
	event.IAPPolicyChanged:   webResource,
	event.IAPSettingsChanged: settingsResource,
	// roleIdentity
	event.RoleChanged: matches("protoPayload.resourceName", "^(projects|organizations)/"),
	// projectIdentity
	event.ProjectIAMChanged: entryChanged,
	// disabledIdentity
	event.APIDisabled: anyOf(
		`protoPayload.request.serviceName="iap.googleapis.com"`,
		matches("protoPayload.request.name", iapAPI),
		matches("protoPayload.resourceName", iapAPI),
		matches("protoPayload.authorizationInfo.resource", iapAPI),
	),
}

const (
	iapAPI       = "(^|/)services/iap[.]googleapis[.]com(/|$)"
	iapWeb       = "^(//iap[.]googleapis[.]com/)?projects/[^/]+/iap_web(/|$)"
	appEngine    = "/iap_web/appengine(-[^/]*)?(/|$)"
	iapProject   = "^(//iap[.]googleapis[.]com/)?projects/[^/]+$"
	aboveProject = "^(folders|organizations)/[^/]+$"
)

// webResource asks the first field that names the resource of a policy.
var webResource = named(iapWeb, "protoPayload.resourceName", "protoPayload.request.resource")

// settingsResource is the same for settings, which a project, a folder and an organization have too.
var settingsResource = named(iapWeb+"|"+iapProject+"|"+aboveProject, "protoPayload.resourceName", "protoPayload.request.iapSettings.name")

// named asks the first of two fields that is there for a resource of IAP's, but App
// Engine's.
func named(resource, first, second string) string {
	is := func(field string) string { return matches(field, resource) + " AND NOT " + matches(field, appEngine) }
	return anyOf("("+is(first)+")", "(NOT "+matches(first, ".")+" AND "+is(second)+")")
}

// entries matches the roles and members that decide who gets in.
var entries = func() string {
	roles := make([]string, len(event.EntryRoles()))
	for i, role := range event.EntryRoles() {
		roles[i] = literal(role)
	}
	return "^" + group(roles) + "$|" + literal(event.IAPAgentSuffix) + "$"
}()

// entryChanged asks the binding deltas, and the policy where an entry has no
// deltas.
var entryChanged = func() string {
	const deltas, bindings = "protoPayload.serviceData.policyDelta.bindingDeltas", "protoPayload.request.policy.bindings"
	return anyOf(
		matches(deltas+".role", entries), matches(deltas+".member", entries),
		"(NOT "+deltas+":* AND ("+matches(bindings+".role", entries)+" OR "+matches(bindings+".members", entries)+"))",
	)
}()

// matches compares a field with a regular expression.
func matches(field, expression string) string { return field + "=~" + strconv.Quote(expression) }

// literal is a regular expression for exactly this text. It escapes a dot as
// [.]: whether Logging wants one backslash or two is documented in two ways.
func literal(text string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(text), `\.`, "[.]")
}

func anyOf(conditions ...string) string {
	return "(\n          " + strings.Join(conditions, "\n          OR ") + "\n        )"
}
