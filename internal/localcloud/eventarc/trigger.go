package eventarc

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// everywhere is the location whose triggers see the events of all locations.
const everywhere = "global"

var (
	triggerID = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	region    = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]{1,2}$`)
	serviceID = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$`)
	account   = regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com$`)
)

// writable are the fields of a trigger that a client decides, and what each
// must be; outputOnly are those that it may send and that are not looked at (disc: eventarc/v1).
var (
	writable = map[string]func(any) bool{
		"eventFilters": is[[]any], "destination": is[map[string]any], "serviceAccount": is[string], "labels": isLabels,
		"eventDataContentType": is[string], "retryPolicy": is[map[string]any], "transport": is[map[string]any],
	}
	outputOnly = map[string]bool{
		"name": true, "uid": true, "createTime": true, "updateTime": true, "etag": true, "conditions": true,
		"satisfiesPzs": true,
	}
)

func is[T any](value any) bool {
	_, ok := value.(T)
	return ok
}

func isLabels(value any) bool {
	labels, ok := value.(map[string]any)
	for _, each := range labels {
		ok = ok && is[string](each)
	}
	return ok
}

// trigger is one trigger. All but what mu guards stays as it was made.
type trigger struct {
	name, location string
	resource       map[string]any // as the API shows it
	filters        []filter
	route          Route

	mu                     sync.Mutex
	opened, retired        bool
	delivered, undelivered int
	problem                string // why the last event, or the way, came to nothing
}

// newTrigger checks the writable fields of a trigger and reads them.
func newTrigger(resource map[string]any, location, id string) (*trigger, error) {
	made := &trigger{name: parent(location) + "/triggers/" + id, location: location, resource: resource}
	var err error
	if made.filters, err = parseFilters(apiserver.List(resource, "eventFilters")); err != nil {
		return nil, err
	}
	if err := made.readDestination(); err != nil {
		return nil, err
	}
	made.route.Account = apiserver.Text(resource, "serviceAccount")
	if made.route.Account != "" && !account.MatchString(made.route.Account) {
		return nil, invalid("service_account", "%q is not a service account", made.route.Account)
	}
	if made.route.Once, err = once(apiserver.Object(resource, "retryPolicy")); err != nil {
		return nil, err
	}
	switch apiserver.Text(resource, "eventDataContentType") {
	case "":
		resource["eventDataContentType"] = jsonContent
	case jsonContent, protobufContent:
	default:
		return nil, invalid("event_data_content_type", "%q is neither %q nor %q", resource["eventDataContentType"],
			jsonContent, protobufContent)
	}
	if topic := apiserver.Text(apiserver.Object(apiserver.Object(resource, "transport"), "pubsub"), "topic"); topic != "" {
		return nil, invalid("transport.pubsub.topic", "a topic can be given for Pub/Sub events only")
	}
	resource["name"] = made.name
	return made, nil
}

// readDestination takes the one kind of destination that is served here.
func (t *trigger) readDestination() error {
	destination := apiserver.Object(t.resource, "destination")
	service := apiserver.Object(destination, "cloudRun")
	if service == nil || len(destination) != 1 {
		return invalid("destination", "only a Cloud Run service is served here: cloud_run with service and region")
	}
	for key := range service {
		if key != "service" && key != "region" && key != "path" {
			return apiserver.UnknownField(key, "trigger.destination.cloud_run")
		}
	}
	t.route.Service, t.route.Region = apiserver.Text(service, "service"), apiserver.Text(service, "region")
	t.route.Path = strings.TrimPrefix(apiserver.Text(service, "path"), "/")
	switch {
	case !serviceID.MatchString(t.route.Service):
		return invalid("destination.cloud_run.service", "%q is not a name of a service of the trigger's project",
			t.route.Service)
	case !region.MatchString(t.route.Region):
		return invalid("destination.cloud_run.region", "%q is not a region", t.route.Region)
	case strings.ContainsAny(t.route.Path, "?#"):
		return invalid("destination.cloud_run.path", "%q is not a path", t.route.Path)
	}
	return nil
}

// once reads the retry policy: the only valid value is 1 attempt.
func once(policy map[string]any) (bool, error) {
	if policy == nil {
		return false, nil
	}
	if attempts, ok := policy["maxAttempts"]; len(policy) != 1 || !ok || attempts != json.Number("1") {
		return false, invalid("retry_policy.max_attempts", "the only valid value is 1")
	}
	return true, nil
}

// carry names what carries the trigger's events, as Google does (topics and
// subscriptions of triggers in public listings).
func (t *trigger) carry(topic, subscription string) {
	t.route.Topic, t.route.Subscription = topic, subscription
	t.resource["transport"] = map[string]any{"pubsub": map[string]any{"topic": topic, "subscription": subscription}}
}

// transportNames are the names of topic and subscription of a new trigger.
func transportNames(location, id string) (topic, subscription string) {
	project, number := "projects/"+apiserver.ProjectID, apiserver.NewID()[:3]
	base := fmt.Sprintf("eventarc-%s-%s", location, id)
	return project + "/topics/" + base + "-" + number, project + "/subscriptions/" + base + "-sub-" + number
}

// version gives the trigger the time of its last change, and an etag of it.
func (t *trigger) version(at time.Time) {
	t.resource["updateTime"] = stamp(at)
	t.resource["etag"] = fmt.Sprintf(`"%x"`, at.UnixMicro())
}

// view is the trigger as the API shows it. One whose events cannot reach their
// destination says so, as one in state FAILED does.
func (t *trigger) view() map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	shown := apiserver.Clone(t.resource)
	if !t.opened {
		shown["conditions"] = map[string]any{"destination": map[string]any{"code": "NOT_FOUND", "message": t.problem}}
	}
	return shown
}

// state is the view with what became of the trigger's events.
func (t *trigger) state() map[string]any {
	shown := t.view()
	t.mu.Lock()
	defer t.mu.Unlock()
	shown["delivered"], shown["undelivered"] = t.delivered, t.undelivered
	if t.problem != "" {
		shown["lastError"] = t.problem
	}
	return shown
}
