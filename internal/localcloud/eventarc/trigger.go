package eventarc

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// everywhere is the location whose triggers see the events of all locations.
const everywhere = "global"

var (
	region    = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]{1,2}$`)
	serviceID = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$`)
	account   = regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com$`)
)

// trigger is one trigger. All but what mu guards stays as it was made.
type trigger struct {
	name, location string
	contentType    string // of its events
	filters        []filter
	route          Route

	mu                     sync.Mutex
	opened, retired        bool
	delivered, undelivered int
	problem                string // why the last event, or the way, came to nothing
}

// prepare checks a trigger that is about to be kept, and reads it.
func prepare(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	made := &trigger{name: w.New.Name, location: w.Call.Var("location")}
	var err error
	if made.filters, err = parseFilters(apiserver.List(body, "eventFilters")); err != nil {
		return err
	}
	if err := made.readDestination(apiserver.Object(body, "destination")); err != nil {
		return err
	}
	made.route.Account = apiserver.Text(body, "serviceAccount")
	if made.route.Account != "" && !account.MatchString(made.route.Account) {
		return invalid("service_account", "%q is not a service account", made.route.Account)
	}
	if made.route.Once, err = once(apiserver.Object(body, "retryPolicy")); err != nil {
		return err
	}
	switch made.contentType = apiserver.Text(body, "eventDataContentType"); made.contentType {
	case "":
		made.contentType = jsonContent
		body["eventDataContentType"] = jsonContent
	case jsonContent, protobufContent:
	default:
		return invalid("event_data_content_type", "%q is neither %q nor %q", made.contentType, jsonContent, protobufContent)
	}
	if topic := apiserver.Text(apiserver.Object(apiserver.Object(w.Sent, "transport"), "pubsub"), "topic"); topic != "" {
		return invalid("transport.pubsub.topic", "a topic can be given for Pub/Sub events only")
	}
	if w.Old != nil {
		made.carry(body, triggerOf(*w.Old).route.Topic, triggerOf(*w.Old).route.Subscription)
	} else {
		topic, subscription := transportNames(made.location, w.New.Name[strings.LastIndexByte(w.New.Name, '/')+1:])
		made.carry(body, topic, subscription)
	}
	w.New.Kept = made
	if made.route.Account == "" {
		return nil
	}
	return w.Call.ActAs(made.route.Account)
}

// readDestination takes the one kind of destination that is served here.
func (t *trigger) readDestination(destination map[string]any) error {
	service := apiserver.Object(destination, "cloudRun")
	if service == nil || len(destination) != 1 {
		return invalid("destination", "only a Cloud Run service is served here: cloud_run with service and region")
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
func (t *trigger) carry(body map[string]any, topic, subscription string) {
	t.route.Topic, t.route.Subscription = topic, subscription
	body["transport"] = map[string]any{"pubsub": map[string]any{"topic": topic, "subscription": subscription}}
}

// transportNames are the names of topic and subscription of a new trigger.
func transportNames(location, id string) (topic, subscription string) {
	project, number := "projects/"+apiserver.ProjectID, apiserver.NewID()[:3]
	base := fmt.Sprintf("eventarc-%s-%s", location, id)
	return project + "/topics/" + base + "-" + number, project + "/subscriptions/" + base + "-sub-" + number
}

// conditions say why the events of a trigger cannot reach their destination, as those
// of one in state FAILED do.
func (t *trigger) conditions(shown map[string]any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.opened && !t.retired {
		shown["conditions"] = map[string]any{"destination": map[string]any{"code": "NOT_FOUND", "message": t.problem}}
	}
}

// counts say what became of the trigger's events.
func (t *trigger) counts(shown map[string]any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	shown["delivered"], shown["undelivered"] = t.delivered, t.undelivered
	if t.problem != "" {
		shown["lastError"] = t.problem
	}
}
