package simulation

import (
	"fmt"
	"maps"
	"slices"
)

// figure is one number that the model rests on.
type figure struct {
	name  string
	value float64
	unit  string
	// kind is where it comes from: published, measured, or assumed. An assumed figure is halved and
	// doubled in RESULTS.md.
	kind   string
	source string // page and date, or what was measured where
	check  string // how a person with a project checks it
}

// The kinds of figures.
const (
	published = "published"
	measured  = "measured"
	assumed   = "*unverified*: assumed"
)

// figures are what the model rests on, beside what is read from the product and from
// deploy/docs/reference/costs.md. Times are in seconds.
var figures = []figure{
	// the organization
	{"services", 100_000, "services", assumed, "the size that was asked for", "iapguard audit organizations/O"},
	{"services a project", 50, "services, the mean of a log-normal distribution", assumed, "",
		"gcloud asset search-all-resources, counted by project"},
	{"spread of projects", 1, "sigma of that distribution", assumed, "", "the same"},
	{"most in a project", 1000, "services", published,
		"cloud.google.com/run/quotas, as copied on 2026-11-30: services for each project and region", ""},
	{"elite", 0.19, "of the services", published,
		"2024 Accelerate State of DevOps Report (DORA), p. 13, as transcribed on 2026-04-24", ""},
	{"high", 0.22, "of the services", published, "the same", ""},
	{"medium", 0.35, "of the services", published, "the same", ""},
	{"low", 0.25, "of the services", published, "the same; the shares add up to 101 %", ""},
	{"elite deploys", 520, "a year: two each working day", assumed,
		"the report says: on demand, multiple deploys per day", "count UpdateService in the audit log"},
	{"high deploys", 137, "a year: between once a day and once a week, the geometric mean", published,
		"the same report", ""},
	{"medium deploys", 25, "a year: between once a week and once a month, likewise", published,
		"the same report", ""},
	{"low deploys", 4.9, "a year: between once a month and once in six months, likewise", published,
		"the same report", ""},
	{"working hours", 0.8, "of the deploys come in ten hours of a working day", assumed, "",
		"the hours of UpdateService in the audit log"},

	// what deploys change
	{"opens run.app", 0.002, "of the deploys add allUsers and ingress all", assumed, "",
		"iapguard's reports with a step revoke-public, over all deploys"},
	{"opens load balancer", 0.001, "of the deploys add allUsers and turn IAP off", assumed, "", "the same"},
	{"opens all", 0.0005, "of the deploys do both", assumed, "", "the same"},
	{"drifts", 0.006, "of the deploys undo one setting, which opens no door", assumed, "", "the same"},
	{"loses agent", 0.002, "of the deploys take the grant of IAP's agent away", assumed, "",
		"iapguard's reports with a step grant-invoker"},
	{"new services", 0.001, "of the deploys make a service anew, open, before its load balancer", assumed, "",
		"count CreateService in the audit log"},
	{"waves", 12, "a year: one apply opens all services of a project within ten minutes", assumed, "",
		"iapguard's reports by project and hour"},

	// Google
	{"log p50", 5, "seconds from a call to its message on the topic, the median", assumed,
		"logging/docs/export/pubsub says seconds",
		"the metric iapguard-heartbeat-lag; a sink's heartbeat takes the path of an event"},
	{"log p99", 60, "seconds, the 99th percentile", published,
		"logging/docs/export/pubsub, as of 2026-11: 99 % of the logs within 60 s", ""},
	{"lost", 0.0001, "of the events never arrive", assumed,
		"Pub/Sub delivers at least once; filters and sinks can be wrong",
		"reports whose advice begins: found by a sweep, and not by an event"},
	{"policy p50", 120, "seconds until a change of a policy is in force, the median", published,
		"iam/docs/access-change-propagation, as copied on 2026-01-07: typically 2 minutes", ""},
	{"policy p95", 420, "seconds, the 95th percentile", assumed,
		"the same page: potentially 7 minutes or longer, which does not say how often",
		"knock once a second while gcloud run services remove-iam-policy-binding runs"},
	{"setting p50", 5, "seconds until ingress or IAP's switch is in force, the median", assumed, "",
		"knock once a second while gcloud run services update --ingress runs"},
	{"setting p95", 60, "seconds, the 95th percentile", assumed, "", "the same"},
	{"policy write", 1, "seconds until setIamPolicy answers", assumed, "", "the steps of a report have times"},
	{"setting write", 8, "seconds until the operation of a change of a service or a backend service is done", assumed,
		"",
		"the same"},
	{"call", 0.1, "seconds a call", assumed, "", "elapsedMs and calls of a report"},
	{"failed writes", 0.01, "of the writes fail and may be tried again", assumed,
		"conflicts and answers 5xx", "steps with the result failed in reports"},
	{"down", 0.0005, "of the time nothing is delivered, swept or polled", assumed,
		"a service level of 99.95 %; the pages of the agreements were not looked up",
		"cloud.google.com/pubsub/sla, cloud.google.com/run/sla"},
	{"outage", 3600, "seconds that such a time takes, the mean", assumed, "", "status.cloud.google.com/summary"},
	{"project policies", 600, "reads of Resource Manager a minute, of the project that calls", published,
		"resource-manager/docs/limits, as of 2026-11; refusals of projects.getIamPolicy name the caller's project",
		""},
	{"run writes", 60, "writes of Cloud Run a minute, of a project and region", assumed,
		"two users read it in their console; copies of cloud.google.com/run/quotas say 180",
		"the page Quotas of the console"},

	// the product, measured
	{"reads in a row", 2, "of a look at a service that is known", measured,
		"test/bench/RESULTS.md, 2026-11-30", ""},
	{"refused while paced", 0.05, "of the reads are refused while a sweep waits for a quota, at most", measured,
		"internal/cloud/connect, TestPacedCallsLearnWhatAQuotaTakes", ""},
	{"audit calls", 4.38, "calls a service of an audit, which is how a poller reads", measured,
		"test/bench/RESULTS.md, 2026-11-30, 200 projects", ""},
	{"audit seconds", 0.00235, "seconds a service of an audit", measured, "the same: 23.5 s for 10,000", ""},

	// prices, in US dollars; deploy/docs/reference/costs.md has the pages and dates
	{"Pub/Sub", 40, "a TiB", published, "cloud.google.com/pubsub/pricing, as copied on 2026-11-30", ""},
	{"requests", 0.40, "a million requests of Cloud Run", published,
		"cloud.google.com/run/pricing, as copied on 2026-11-30", ""},
	{"vCPU", 0.000024, "a second", published, "the same", ""},
	{"memory", 0.0000025, "a GiB second", published, "the same", ""},
	{"log", 0.50, "a GiB", published, "cloud.google.com/stackdriver/pricing, as copied on 2026-11-30", ""},
	{"object reads", 0.0004, "a thousand", published, "deploy/docs/reference/costs.md", ""},
}

// world is a set of figures.
type world map[string]float64

// stated are the figures as they stand above.
func stated() world {
	w := world{}
	for _, each := range figures {
		w[each.name] = each.value
	}
	return w
}

// with is the world with one figure changed.
func (w world) with(name string, value float64) world {
	w.of(name)
	changed := maps.Clone(w)
	changed[name] = value
	return changed
}

// of is one figure.
func (w world) of(name string) float64 {
	value, known := w[name]
	if !known {
		panic(fmt.Sprintf("the model has no figure %q", name)) // a mistake in this package
	}
	return value
}

// figuresOf are the names of the figures of a kind.
func figuresOf(kind string) (names []string) {
	for _, each := range figures {
		if each.kind == kind {
			names = append(names, each.name)
		}
	}
	return slices.Clip(names)
}
