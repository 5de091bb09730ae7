package event

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/safetext"
)

// classify turns a log entry into a result.
func (p *parser) classify(e *entry) Result {
	seen := Cause{
		Method:    safetext.Escape(e.ProtoPayload.MethodName.s, maxIdentifier),
		Principal: e.ProtoPayload.by(),
		UserAgent: safetext.Escape(e.ProtoPayload.RequestMetadata.CallerSuppliedUserAgent.s, maxText),
		CallerIP:  safetext.Escape(e.ProtoPayload.RequestMetadata.CallerIP.s, maxShown),
		At:        e.at(),
	}
	seen.Key = e.key(seen.At)
	switch name := e.contradicts(); {
	case name != "":
		return ignored(seen, Unreadable, "%s occurs twice with different values", name)
	case e.ProtoPayload.Present:
		return p.audit(e, seen)
	case logID(e.LogName.s) == HeartbeatLog:
		return loggedHeartbeat(e, seen)
	}
	return request(e, seen)
}

func ignored(seen Cause, reason Reason, format string, args ...any) Result {
	return Result{Ignored: reason, Why: fmt.Sprintf(format, args...), Seen: seen}
}

func caused(c Cause) Result { return Result{Cause: &c, Seen: c} }

// audit reads an audit entry. Where several reasons to ignore it apply, it returns
// the first of: the method's API, a method that reads, the caller, a failed call,
// the half of the operation, the names.
func (p *parser) audit(e *entry, seen Cause) Result {
	if log := logID(e.LogName.s); log != "" && !strings.HasPrefix(log, "cloudaudit.googleapis.com/") {
		return ignored(seen, otherService, "an audit payload in the log %s, which not only Google can write", quote(log))
	}
	service := firstOf(e.ProtoPayload.ServiceName.s, serviceOf(e.ProtoPayload.MethodName.s))
	row, known := Lookup(service, e.ProtoPayload.MethodName.s)
	if e.ProtoPayload.MethodName.s == "" {
		row, known = readinessRow(e)
	}
	seen.Kind = row.Kind
	identity := identities[row.Kind]
	if identity == nil {
		identity = labelled
	}
	unnamed := identity(e, &seen)
	seen.Kind = ""
	switch {
	case !known && byService[service] != nil && e.ProtoPayload.MethodName.s == "":
		return ignored(seen, Unrelated, "%s, but no method is named", service)
	case !known:
		// Nearly all entries of an organisation end here, so nothing is formatted.
		why := orNone(e.ProtoPayload.MethodName.s, "no method") + " of " + orNone(service, "no service")
		return Result{Ignored: otherService, Seen: seen, Why: why}
	case row.Ignored == ReadCall:
		return ignored(seen, ReadCall, "%s only reads", quote(e.ProtoPayload.MethodName.s))
	case row.Ignored != "":
		return ignored(seen, row.Ignored, "%s does not touch protection", quote(e.ProtoPayload.MethodName.s))
	}
	seen.Kind = row.Kind
	if r, ok := p.ineffective(e, seen); ok {
		return r
	}
	if unnamed != nil {
		return ignored(seen, unnamed.reason, "%s", unnamed.why)
	}
	return caused(seen)
}

// ineffective returns the reason why a call of a method that counts changed
// nothing, or needs no reaction.
func (p *parser) ineffective(e *entry, seen Cause) (Result, bool) {
	switch code := e.ProtoPayload.Status.Code.s; {
	case p.self.Wrote(seen):
		return ignored(seen, OwnWrite, "our own write"), true
	case seen.Kind == RunServiceChanged && e.failedAfterAdmission():
	case code != "" && code != "0":
		message := e.ProtoPayload.Status.Message.s
		return ignored(seen, failedCall, "failed with status %s: %s", quote(code), quote(message)), true
	case !e.ProtoPayload.Status.Present && failedSeverity(e.Severity.s):
		return ignored(seen, failedCall, "severity %s and no status", quote(e.Severity.s)), true
	case !e.ProtoPayload.Status.Present && e.ProtoPayload.permissions().refused():
		return ignored(seen, failedCall, "without a status, and no permission was granted"), true
	case logID(e.LogName.s) == "cloudaudit.googleapis.com/policy":
		return ignored(seen, failedCall, "denied by a policy"), true
	case seen.Kind == RunServiceReady && notReady(e):
		return ignored(seen, failedCall, "not ready: %s", quote(e.ProtoPayload.Status.Message.s)), true
	case bool(e.Operation.First && !e.Operation.Last):
		return ignored(seen, FirstHalf, "the operation has only started"), true
	}
	return Result{}, false
}

// failedAfterAdmission reports whether an entry ends an operation that was admitted and
// then failed: an update of a service whose new revision did not start, say. Its settings
// may have changed all the same (whether they do is *unverified*). A call that is
// refused has no first half, and ends with one of refusedCodes at once.
func (e *entry) failedAfterAdmission() bool {
	code := e.ProtoPayload.Status.Code.s
	return bool(e.Operation.Last && !e.Operation.First) && code != "" && code != "0" && !refusedCodes[code] &&
		!e.ProtoPayload.permissions().refused()
}

// refusedCodes are those of google.rpc.Code with which a call is refused before it
// changes anything: INVALID_ARGUMENT, PERMISSION_DENIED and UNAUTHENTICATED.
var refusedCodes = map[string]bool{"3": true, "7": true, "16": true}

// RefusedCodes lists refusedCodes, sorted.
func RefusedCodes() []string { return slices.Sorted(maps.Keys(refusedCodes)) }

// Wrote reports whether a call was our own. Both the account and the product
// token of the user agent must be ours: a stranger could use one of them. The
// principal of a call by impersonation is the impersonated account; the entry
// names the impersonator elsewhere. Source:
// logging/docs/audit/understanding-audit-logs, serviceAccountDelegationInfo.
func (s Self) Wrote(c Cause) bool {
	return s.Is(c.Principal) && hasProduct(c.UserAgent, firstOf(s.UserAgent, "iapguard"))
}

// hasProduct reports whether a user agent has a product token "name/…". Client
// libraries put their own token before it, and Google appends ",gzip(gfe)".
func hasProduct(userAgent, name string) bool {
	for rest := userAgent; ; {
		i := strings.Index(rest, name+"/")
		if i < 0 {
			return false
		}
		if i == 0 || strings.IndexByte(" ,(", rest[i-1]) >= 0 {
			return true
		}
		rest = rest[i+len(name):]
	}
}

// ReadyPrefix begins the message of Cloud Run's readiness events. "True " follows
// when a revision or service has become ready.
const ReadyPrefix = "Ready condition status changed to "

// readinessRow is the row of a system event without a method: only its message
// has what became ready.
func readinessRow(e *entry) (Row, bool) {
	if e.ProtoPayload.ServiceName.s != runAPI || e.Resource.Type.s != "cloud_run_revision" ||
		!strings.HasPrefix(e.ProtoPayload.Status.Message.s, ReadyPrefix) {
		return Row{}, false
	}
	return Lookup(runAPI, "/Services.")
}

// notReady reports whether a readiness event means that something is not ready.
// Neither event has a status code, so only the message distinguishes them.
func notReady(e *entry) bool {
	m := e.ProtoPayload.Status.Message.s
	return strings.HasPrefix(m, ReadyPrefix) &&
		!strings.HasPrefix(m, ReadyPrefix+"True ")
}

// refused reports whether the caller had none of the permissions: at least one
// row says granted false, and none says true.
//
// It decides only about entries without a status. Google writes a status for a
// refused call (logging/docs/audit/understanding-audit-logs), which collectors
// leave out. A list with both values is a change, since an API may ask for one
// of several permissions. A row without a value proves nothing: protobuf's JSON
// leaves false out, and exporters leave out more.
func (p permissions) refused() bool { return p.denied && !p.granted }

func failedSeverity(s string) bool {
	switch s {
	case "ERROR", "CRITICAL", "ALERT", "EMERGENCY":
		return true
	}
	return false
}

// logID is the part of a log's name after "/logs/", with its slashes unescaped,
// and "" when the entry has no log name. One collector leaves "/logs" out.
func logID(name string) string {
	if name == "" {
		return ""
	}
	id := name
	if _, after, ok := strings.Cut(name, "/logs/"); ok {
		id = after
	} else if part := strings.SplitN(name, "/", 3); len(part) == 3 {
		id = part[2]
	}
	return strings.ReplaceAll(strings.ReplaceAll(id, "%2F", "/"), "%2f", "/")
}
