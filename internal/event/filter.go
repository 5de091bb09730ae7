package event

import (
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// Own is what stands in EventsFilter for the list of our own accounts, as
// Logging and Terraform's templates write it: ("a@example.com" OR "b@example.com").
const Own = "${own}"

// EventsFilter is the filter of the sink whose entries Parse makes causes of, in
// Logging's query language (logging/docs/view/logging-query-language): what the
// table says that it acts on, and no failed call, first half or own write. It is
// a template, see Own.
//
// It asks nothing of a name's grammar, which only Parse can. Where Logging and
// Parse may differ the filter is the wider one. No != and no !~ is in it: a
// missing field satisfies neither, but does satisfy NOT of a comparison.
func EventsFilter() string {
	var b strings.Builder
	b.WriteString(generated)
	fmt.Fprintf(&b, "(\n  log_id(%q) AND jsonPayload.iapguard=%q\n)\nOR (\n", HeartbeatLog, heartbeatWord)
	b.WriteString(`  logName:"/logs/cloudaudit.googleapis.com%2F"
  AND NOT log_id("cloudaudit.googleapis.com/policy")
  -- calls that failed, and those that only severity says failed
  AND NOT protoPayload.status.code>0
  AND NOT (severity>=ERROR AND NOT protoPayload.status:*)
  -- the first half of a long operation: the last one follows
  AND NOT (operation.first=true AND NOT operation.last=true)
  -- our own writes: our account and our user agent
  AND NOT (
    protoPayload.authenticationInfo.principalEmail=` + Own + `
    AND protoPayload.requestMetadata.callerSuppliedUserAgent=~"(^|[ ,(])iapguard/"
  )
  AND (
`)
	for i, service := range auditedServices() {
		if i > 0 {
			b.WriteString("    OR ")
		} else {
			b.WriteString("    ")
		}
		b.WriteString(serviceFilter(service))
	}
	b.WriteString("  )\n)\n")
	return b.String()
}

const generated = `-- Generated from internal/event/method.go: UPDATE=1 go test ./test/deploy -run Filter
`

// auditedServices are the services of the table that something is acted on of,
// in its order.
func auditedServices() []string {
	var services []string
	seen := map[string]bool{}
	for _, row := range methods {
		if row.Ignored == "" && !seen[row.Service] {
			seen[row.Service] = true
			services = append(services, row.Service)
		}
	}
	return services
}

// serviceFilter selects what is acted on of one service.
func serviceFilter(service string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "(protoPayload.serviceName=%q AND (\n", service)
	for i, clause := range clauses(byService[service]) {
		if i > 0 {
			b.WriteString("      OR ")
		} else {
			b.WriteString("      ")
		}
		fmt.Fprintf(&b, "(\n        protoPayload.methodName=~%q\n", expression(clause.acts))
		if len(clause.but) > 0 {
			fmt.Fprintf(&b, "        AND NOT protoPayload.methodName=~%q\n", expression(clause.but))
		}
		if clause.only != "" {
			b.WriteString("        AND " + clause.only + "\n")
		}
		b.WriteString("      )\n")
	}
	if service == "run.googleapis.com" {
		b.WriteString("      OR " + unnamedReadiness + "\n")
	}
	b.WriteString("    ))\n")
	return b.String()
}

// RequestsFilter is the filter for what the doctor is asked about: requests that
// Cloud Run's invoker check refused, or IAP at a load balancer. It is good for a
// sink and for a log-based metric.
//
// Requests at a run.app address that Cloud Run refused are none of them, although
// Parse would make causes of them: anybody can send them.
func RequestsFilter() string {
	return generated + `httpRequest.status=403
AND (
  (
    log_id("run.googleapis.com/requests") AND resource.type="cloud_run_revision"
    -- Cloud Run's own words; a 403 of the application has none
    AND textPayload=~"` + strings.Join(posture.RefusalTexts(), "|") + `"
    -- strangers at the default address, which anybody can be
    AND NOT httpRequest.requestUrl=~"^https?://[^/]*[.]run[.]app([:/]|$)"
  )
  OR (
    resource.type=` + listed(keys(loadBalancers)) + `
    AND (` + logIDs(keys(loadBalancerLogs)) + `)
    AND (
      jsonPayload.statusDetails="` + handledByIAP + `"
      OR jsonPayload.proxyStatus:"\"` + handledByIAP + `\""
    )
  )
)
`
}
