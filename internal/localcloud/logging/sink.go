package logging

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const pubsubDestination = "pubsub.googleapis.com/"

// Sink says which entries go where.
type Sink struct {
	Name   string
	Filter string // "" = every entry
	Topic  string // projects/P/topics/T
}

// sink is a LogSink resource with its parsed filters.
type sink struct {
	resource   map[string]any
	filter     *Filter
	exclusions []*Filter
	wired      bool // part of the local cloud itself

	delivered, failed int
	lastError         string
}

var (
	sinkName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
	topic    = regexp.MustCompile(`^pubsub\.googleapis\.com/projects/[^/]+/topics/[^/]+$`)
	other    = regexp.MustCompile(`^(storage|bigquery|logging)\.googleapis\.com/.+$`)
)

// AddSink adds a sink that wires the local cloud itself: unlike those made
// through the API it survives a reset.
func (r *Router) AddSink(wanted Sink) error {
	added, err := newSink(map[string]any{
		"name": wanted.Name, "filter": wanted.Filter, "destination": pubsubDestination + wanted.Topic,
	})
	if err != nil {
		return fmt.Errorf("adding sink %q: %w", wanted.Name, err)
	}
	added.wired = true
	stamp := timestamp(r.options.Clock())
	added.resource["createTime"], added.resource["updateTime"] = stamp, stamp
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sinks[wanted.Name] != nil {
		return fmt.Errorf("adding sink %q: it exists", wanted.Name)
	}
	r.sinks[wanted.Name] = added
	return nil
}

// newSink checks a LogSink and completes it. Errors are Google's 400s; but
// for the field they name, their words are unverified.
func newSink(resource map[string]any) (*sink, error) {
	name, destination := apiserver.Text(resource, "name"), apiserver.Text(resource, "destination")
	switch {
	case !sinkName.MatchString(name):
		return nil, apiserver.Invalid("Invalid sink name %q: it has up to 100 letters, digits, underscores, hyphens and periods.", name)
	case !topic.MatchString(destination) && !other.MatchString(destination):
		return nil, apiserver.Invalid("Invalid sink destination %q.", destination)
	}
	made := &sink{resource: resource}
	var err error
	if made.filter, err = ParseFilter(apiserver.Text(resource, "filter")); err != nil {
		return nil, apiserver.Invalid("Unparseable filter: %s", err)
	}
	for _, each := range apiserver.List(resource, "exclusions") {
		exclusion, _ := each.(map[string]any)
		if exclusion["disabled"] == true {
			continue
		}
		filter, err := ParseFilter(apiserver.Text(exclusion, "filter"))
		if err != nil {
			return nil, apiserver.Invalid("Unparseable filter: exclusion %q: %s", apiserver.Text(exclusion, "name"), err)
		}
		made.exclusions = append(made.exclusions, filter)
	}
	resource["writerIdentity"] = "serviceAccount:service-" + apiserver.ProjectNumber +
		"@gcp-sa-logging.iam.gserviceaccount.com"
	resource["resourceName"] = "projects/" + apiserver.ProjectID + "/sinks/" + name
	for key, value := range resource {
		if value == "" || value == false {
			delete(resource, key)
		}
	}
	return made, nil
}

func (s *sink) destination() string { return apiserver.Text(s.resource, "destination") }

func (s *sink) selects(entry map[string]any) bool {
	if s.resource["disabled"] == true || !s.filter.Match(entry) {
		return false
	}
	for _, each := range s.exclusions {
		if each.Match(entry) {
			return false
		}
	}
	return true
}

// state is the sink with what became of its entries.
func (s *sink) state() map[string]any {
	shown := apiserver.Clone(s.resource)
	shown["delivered"], shown["failed"] = s.delivered, s.failed
	if s.lastError != "" {
		shown["lastError"] = s.lastError
	}
	return shown
}

// sinkFields are what a client may send of a LogSink; output-only fields are
// taken and not looked at.
var sinkFields = map[string]bool{
	"name": true, "destination": true, "filter": true, "description": true, "disabled": true,
	"exclusions": true, "includeChildren": true, "interceptChildren": true, "outputVersionFormat": true,
	"bigqueryOptions": true, "writerIdentity": true, "createTime": true, "updateTime": true, "resourceName": true,
}

// sent is the LogSink in a request's body.
func sent(call *apiserver.Call) (map[string]any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	body = apiserver.Clone(body)
	for key := range body {
		if !sinkFields[key] {
			return nil, apiserver.UnknownField(key, "sink")
		}
	}
	return body, nil
}

// masked are the fields that an update writes. Without a mask these are
// destination, filter and includeChildren (logging/docs/reference/v2/rest).
func masked(mask string) ([]string, error) {
	if mask == "" {
		return []string{"destination", "filter", "includeChildren"}, nil
	}
	var fields []string
	for field := range strings.SplitSeq(mask, ",") {
		field = camel(strings.TrimSpace(field))
		if !sinkFields[field] {
			return nil, apiserver.Invalid("Invalid field in update mask: %q.", field)
		}
		fields = append(fields, field)
	}
	return fields, nil
}
