package logfilter

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/refusal"
)

// mostNames bounds how many resources a filter names: Logging takes 20,000 characters.
const mostNames = 100

// WritesTo selects the writes since a time that make or undo a protection, of resources
// whose names end in one of these: to Cloud Run services and their policies, to backend
// services, to IAP policies, and to what leads to backend services. event.Writes reads all
// of them. Of more than 100 names it takes the first.
func WritesTo(names []string, since time.Time) string {
	ends := make([]string, min(len(names), mostNames))
	for i := range ends {
		ends[i] = regexp.QuoteMeta(names[i])
	}
	return fmt.Sprintf("%s\nprotoPayload.resourceName=~%q\n(%s)", head(since), "/("+strings.Join(ends, "|")+")$",
		strings.Join(writes, "\nOR "))
}

// By narrows a filter of the audit log to the calls of accounts.
func By(filter string, accounts []string) string {
	return filter + "\nprotoPayload.authenticationInfo.principalEmail=" + listed(accounts)
}

// ByOthers narrows a filter of the audit log to the calls of all other accounts.
func ByOthers(filter string, accounts []string) string {
	return filter + "\n-protoPayload.authenticationInfo.principalEmail=" + listed(accounts)
}

// head selects the entries of calls that changed something since a time.
func head(since time.Time) string {
	return fmt.Sprintf("log_id(\"cloudaudit.googleapis.com/activity\")\ntimestamp>=%q", stamp(since))
}

// writes are the alternatives of WritesTo, one for each kind of resource.
var writes = []string{
	write("run.googleapis.com", `=~"[.](Internal)?Services[.](Create|Replace|Update|Delete|SetIamPolicy)"`),
	write("compute.googleapis.com", `=~"[.](backendServices|regionBackendServices)[.](insert|patch|update|delete)$"`),
	write("compute.googleapis.com", `=~"`+strings.Join([]string{
		"[.](region|global)NetworkEndpointGroups[.](insert|delete)$",
		"[.](urlMaps|regionUrlMaps)[.](insert|patch|update|delete)$",
		"[.](targetHttp|targetHttps|regionTargetHttp|regionTargetHttps)Proxies[.](insert|patch|delete|setUrlMap)$",
		"[.](forwardingRules|globalForwardingRules)[.](insert|patch|delete|setTarget)$",
	}, "|")+`"`),
	write("iap.googleapis.com", `:"SetIamPolicy"`),
}

// PolicyWrites selects the writes since a time to IAM policies of Cloud Run services and to those
// that IAP has, and what made or deleted a service or a backend service: the policy of a new one is
// another.
func PolicyWrites(since time.Time) string {
	return fmt.Sprintf("%s\n(%s)", head(since), strings.Join([]string{
		write("run.googleapis.com", `=~"[.](Internal)?Services[.](Create|Delete|SetIamPolicy)"`),
		write("compute.googleapis.com", `=~"[.](backendServices|regionBackendServices)[.](insert|delete)$"`),
		write("iap.googleapis.com", `:"SetIamPolicy"`),
	}, "\nOR "))
}

// write selects methods of a service by a comparison.
func write(service, comparison string) string {
	return fmt.Sprintf("(protoPayload.serviceName=%q AND protoPayload.methodName%s)", service, comparison)
}

// Refusals selects the requests to a service since a time that Cloud Run's
// invoker check refused with 403. It leaves out the run.app address, where any stranger
// can ask, unless direct is set: then IAP guards that address itself.
func Refusals(target posture.Target, since time.Time, direct bool) string {
	filter := denied(target, 403, since) + "\n" + refusedText()
	if !direct {
		filter += "\n-httpRequest.requestUrl:\".run.app/\""
	}
	return filter
}

// ForeignTokens selects the requests to a service since a time whose bearer token Cloud
// Run could not verify, at any address.
func ForeignTokens(target posture.Target, since time.Time) string {
	return denied(target, 401, since) + "\n" + refusedText()
}

// mostBackends bounds how many backend services a filter names: Logging takes 20,000
// characters.
const mostBackends = 50

// IAPAnswers selects the requests to backend services since a time that IAP answered with
// one of these statuses, in the log of their load balancers. Of more than 50 backend
// services it names the first.
func IAPAnswers(backends []string, statuses []string, since time.Time) string {
	backends = slices.Sorted(slices.Values(backends))
	backends = backends[:min(len(backends), mostBackends)]
	names := listed(backends)
	return fmt.Sprintf(`resource.type=%s
(resource.labels.backend_service_name=%s OR resource.labels.backend_target_name=%s)
httpRequest.status=%s
(%s)
timestamp>=%q`, listed(refusal.LoadBalancerTypes()), names, names, anyNumber(statuses), byIAP(), stamp(since))
}

// AppDenials selects the requests to a service since a time that the application
// itself answered with 403. They lack Cloud Run's text.
func AppDenials(target posture.Target, since time.Time) string {
	return denied(target, 403, since) + "\n-" + refusedText()
}

func denied(target posture.Target, status int, since time.Time) string {
	return requests(target) + fmt.Sprintf("\nhttpRequest.status=%d\ntimestamp>=%q", status, stamp(since))
}

// refusedText selects the text of Cloud Run's invoker check, see refusal.ByInvokerCheck.
func refusedText() string { return "textPayload:" + listed(refusal.Texts()) }

// Hosts are the hosts of a service.
type Hosts struct {
	Asked    []string // at which it may be asked, or patterns of such; nil = every host
	Backends []string // to which gateways of API Gateway may send requests on
}

// Visits selects the requests since a time that were let in at hosts of a service, and what
// gateways of API Gateway in its project sent on to it. Source of their log:
// api-gateway/docs/monitoring, backendRequest.hostname; that its value ends in a port was
// recorded.
func Visits(target posture.Target, hosts Hosts, since time.Time) string {
	filter := letIn(target, hosts)
	if len(hosts.Backends) > 0 {
		filter = fmt.Sprintf("((%s) OR (%s))", filter, gateway(target.Project, hosts.Backends))
	}
	return filter + fmt.Sprintf("\ntimestamp>=%q", stamp(since))
}

// VisitsOfOthers selects the requests since a time that were let in at hosts of a service, but
// for those from some IP addresses.
func VisitsOfOthers(target posture.Target, hosts Hosts, addresses []string, since time.Time) string {
	filter := letIn(target, hosts)
	if len(addresses) > 0 {
		filter += "\n-httpRequest.remoteIp=" + listed(addresses)
	}
	return filter + fmt.Sprintf("\ntimestamp>=%q", stamp(since))
}

// letIn selects the requests that were let in at hosts of a service, none = at any.
func letIn(target posture.Target, hosts Hosts) string {
	at := make([]string, len(hosts.Asked))
	for i, host := range hosts.Asked {
		suffix, pattern := strings.CutPrefix(host, "*")
		if at[i] = strconv.Quote(suffix + "/"); !pattern {
			at[i] = strconv.Quote("://" + host + "/")
		}
	}
	filter := requests(target) + "\nhttpRequest.status<400"
	if len(at) > 0 {
		filter += "\nhttpRequest.requestUrl:(" + strings.Join(at, " OR ") + ")"
	}
	return filter
}

// gateway selects what gateways of API Gateway in a project sent on to one of the hosts.
func gateway(project string, hosts []string) string {
	return fmt.Sprintf(`logName="projects/%s/logs/%s"
httpRequest.status<400
jsonPayload.backendRequest.hostname:%s`, project, GatewayLog, listed(hosts))
}

// Served selects the requests that were answered with success between two times at
// one of these addresses, in the logs of Cloud Run and of load balancers of a project. An
// address is a host and the beginning of a path; a host may begin with *.
func Served(project string, addresses []string, from, to time.Time) string {
	at := make([]string, len(addresses))
	for i, address := range addresses {
		suffix, pattern := strings.CutPrefix(address, "*")
		if at[i] = strconv.Quote(suffix); !pattern {
			at[i] = strconv.Quote("://" + address)
		}
	}
	return fmt.Sprintf(`(logName="projects/%s/logs/run.googleapis.com%%2Frequests" OR resource.type=%s)
httpRequest.requestUrl:(%s)
(httpRequest.status<300 OR httpRequest.status=304)
timestamp>=%q
timestamp<%q`, project, listed(refusal.LoadBalancerTypes()), strings.Join(at, " OR "), stamp(from), stamp(to))
}

// Calls are the requests of one caller: at an address, which is a host and the beginning of a
// path, by what the caller calls itself; no address = any, no agents = anything.
type Calls struct {
	Address string
	Agents  []string
	Gateway bool // API Gateway sends them on: its own log shows them
}

func (c Calls) filter(target posture.Target) string {
	if c.Gateway {
		host, _, _ := strings.Cut(c.Address, "/")
		return gateway(target.Project, []string{host})
	}
	filter := requests(target) + "\nhttpRequest.status<400"
	if c.Address != "" {
		filter += fmt.Sprintf("\nhttpRequest.requestUrl:%q", "://"+c.Address)
	}
	if len(c.Agents) > 0 {
		filter += "\nhttpRequest.userAgent:" + listed(c.Agents)
	}
	return filter
}

// Used selects those calls that a service let in between two times, and that were in the log by
// then: who may write log entries may date them back.
func Used(target posture.Target, calls []Calls, from, to time.Time) string {
	filters := make([]string, len(calls))
	for i, each := range calls {
		filters[i] = "(" + each.filter(target) + ")"
	}
	return "(" + strings.Join(filters, " OR ") + ")" + fmt.Sprintf("\ntimestamp>=%q\ntimestamp<%q\nreceiveTimestamp<%q",
		stamp(from), precise(to), precise(to))
}

// GatewayLog is the id of the log of API Gateway's requests, as logName ends.
const GatewayLog = "apigateway.googleapis.com%2Frequests"

// requests selects Cloud Run's request log of a service. A multi-region service answers in
// its regions, where no other service has its name.
func requests(target posture.Target) string {
	filter := fmt.Sprintf(`logName="projects/%s/logs/run.googleapis.com%%2Frequests"
resource.type="cloud_run_revision"
resource.labels.service_name=%q`, target.Project, target.Service)
	if target.Location == posture.Global {
		return filter
	}
	return filter + fmt.Sprintf("\nresource.labels.location=%q", target.Location)
}

func precise(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
