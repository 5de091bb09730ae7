package event

import (
	"fmt"
	"strings"
)

// classify says what a log entry comes to.
func (p *parser) classify(e *entry) Result {
	seen := Cause{
		Method:    clean(e.ProtoPayload.MethodName.s, maxIdentifier),
		Principal: e.ProtoPayload.by(),
		UserAgent: clean(e.ProtoPayload.RequestMetadata.CallerSuppliedUserAgent.s, maxText),
		CallerIP:  clean(e.ProtoPayload.RequestMetadata.CallerIP.s, maxShown),
		At:        e.at(),
	}
	seen.Key = e.key(seen.At)
	switch name := e.contradicts(); {
	case name != "":
		return ignored(seen, Unreadable, "%s stands twice with different values", name)
	case e.ProtoPayload.Present:
		return p.audit(e, seen)
	case logID(e.LogName.s) == HeartbeatLog:
		return logged(e, seen)
	}
	return request(e, seen)
}

func ignored(seen Cause, reason Reason, format string, args ...any) Result {
	return Result{Ignored: reason, Why: fmt.Sprintf(format, args...), Seen: seen}
}

func counted(c Cause) Result { return Result{Cause: &c, Seen: c} }

// audit reads an audit entry. What ignores it is asked in the order of what
// says most: whose method it is, whether it reads, who called, whether it
// failed, which half it is, and last what it names.
func (p *parser) audit(e *entry, seen Cause) Result {
	if log := logID(e.LogName.s); log != "" && !strings.HasPrefix(log, "cloudaudit.googleapis.com/") {
		return ignored(seen, OtherService, "an audit payload in the log %s, which others than Google can write", quote(log))
	}
	service := firstOf(e.ProtoPayload.ServiceName.s, serviceOf(e.ProtoPayload.MethodName.s))
	row, known := Lookup(service, e.ProtoPayload.MethodName.s)
	if e.ProtoPayload.MethodName.s == "" {
		row, known = readinessRow(e)
	}
	identity := identities[row.Kind]
	if identity == nil {
		identity = labelled
	}
	unnamed := identity(e, &seen)
	switch {
	case !known && byService[service] != nil && e.ProtoPayload.MethodName.s == "":
		return ignored(seen, Unrelated, "%s, but no method is named", service)
	case !known:
		// Nearly all entries of an organisation end here: no formatting.
		return Result{Ignored: OtherService, Seen: seen, Why: orNone(e.ProtoPayload.MethodName.s, "no method") + " of " + orNone(service, "no service")}
	case row.Ignored == ReadCall:
		return ignored(seen, ReadCall, "%s only reads", quote(e.ProtoPayload.MethodName.s))
	case row.Ignored != "":
		return ignored(seen, row.Ignored, "%s does not touch protection", quote(e.ProtoPayload.MethodName.s))
	}
	seen.Kind = row.Kind
	if r, ok := p.inert(e, seen); ok {
		return r
	}
	if unnamed != nil {
		return ignored(seen, unnamed.reason, "%s", unnamed.why)
	}
	return counted(seen)
}

// inert says why a call that would count changed nothing, or is not ours to
// act on.
func (p *parser) inert(e *entry, seen Cause) (Result, bool) {
	switch code := e.ProtoPayload.Status.Code.s; {
	case p.self.Wrote(seen):
		return ignored(seen, OwnWrite, "our own write"), true
	case code != "" && code != "0":
		return ignored(seen, FailedCall, "failed with status %s: %s", quote(code), quote(e.ProtoPayload.Status.Message.s)), true
	case !e.ProtoPayload.Status.Present && failedSeverity(e.Severity.s):
		return ignored(seen, FailedCall, "severity %s and no status", quote(e.Severity.s)), true
	case !e.ProtoPayload.Status.Present && e.ProtoPayload.permissions().refused():
		return ignored(seen, FailedCall, "no permission was granted, and there is no status"), true
	case logID(e.LogName.s) == "cloudaudit.googleapis.com/policy":
		return ignored(seen, FailedCall, "denied by a policy"), true
	case seen.Kind == RunServiceReady && notReady(e):
		return ignored(seen, FailedCall, "not ready: %s", quote(e.ProtoPayload.Status.Message.s)), true
	case bool(e.Operation.First && !e.Operation.Last):
		return ignored(seen, FirstHalf, "the operation has only begun"), true
	}
	return Result{}, false
}

// Wrote reports whether a call was our own: both the account and the product
// token of the user agent must be ours, so that neither somebody who borrows
// an account nor somebody who borrows the name goes unseen. A call by
// impersonation has the account that was impersonated as its principal; whose
// token it was made with stands elsewhere in the entry. Source:
// logging/docs/audit/understanding-audit-logs, serviceAccountDelegationInfo.
func (s Self) Wrote(c Cause) bool {
	return s.Is(c.Principal) && hasProduct(c.UserAgent, firstOf(s.UserAgent, "iapguard"))
}

// hasProduct reports whether a user agent has a product token "name/…". Clients
// put their own token before it, and Google appends ",gzip(gfe)".
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

// readinessRow is the row of a system event that names no method: what became
// ready stands in its message alone.
func readinessRow(e *entry) (Row, bool) {
	if e.ProtoPayload.ServiceName.s != "run.googleapis.com" || e.Resource.Type.s != "cloud_run_revision" ||
		!strings.HasPrefix(e.ProtoPayload.Status.Message.s, ReadyPrefix) {
		return Row{}, false
	}
	return Lookup("run.googleapis.com", "/Services.")
}

// notReady reports whether a readiness event tells of the opposite. Success
// has no status code, and its message is all that tells the two apart.
func notReady(e *entry) bool {
	m := e.ProtoPayload.Status.Message.s
	return strings.HasPrefix(m, ReadyPrefix) &&
		!strings.HasPrefix(m, ReadyPrefix+"True ")
}

// refused reports whether authorizationInfo says that the caller had none of the
// permissions: some row says granted false, and none says true.
//
// It decides only where an entry has no status, which Google writes for a
// refused call (logging/docs/audit/understanding-audit-logs) and collectors
// leave out. A list with both is a change: an API may ask for one permission of
// several. A row without granted says nothing: JSON leaves out what is false in
// protobuf, and exporters leave out more.
func (p permissions) refused() bool { return p.denied && !p.granted }

func failedSeverity(s string) bool {
	switch s {
	case "ERROR", "CRITICAL", "ALERT", "EMERGENCY":
		return true
	}
	return false
}

// logID is what follows "/logs/" in a log's name, with its slashes: "", when
// the entry has no log name. One collector leaves "/logs" out.
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
