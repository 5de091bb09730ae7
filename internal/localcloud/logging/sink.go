package logging

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	pubsubDestination = "pubsub.googleapis.com/"
)

// Sink says which entries go where.
type Sink struct {
	Name   string
	Filter string // "" = every entry
	Topic  string // projects/P/topics/T
}

// sink is what the router needs of a LogSink.
type sink struct {
	parent      string // projects/P, folders/F, organizations/O, billingAccounts/B
	resource    map[string]any
	filter      *Filter
	exclusions  []*Filter
	wired       bool // part of the local cloud itself
	destination string

	delivered, failed int
	lastError         string
}

var (
	sinkName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
	topic    = regexp.MustCompile(`^pubsub\.googleapis\.com/projects/[^/]+/topics/[^/]+$`)
	other    = regexp.MustCompile(`^(storage|bigquery|logging)\.googleapis\.com/.+$`)
	project  = regexp.MustCompile(`^logging\.googleapis\.com/(projects/[^/]+)$`)
)

// AddSink adds a sink of DefaultProject that wires the local cloud itself: unlike those
// made through the API it survives a reset.
func (r *Router) AddSink(wanted Sink) error {
	project := apiserver.DefaultProject()
	name, stamp := project.Name()+"/sinks/"+wanted.Name, timestamp(r.options.Clock())
	if !sinkName.MatchString(wanted.Name) {
		return fmt.Errorf("adding sink %q: the name is not valid", wanted.Name)
	}
	added, err := newSink(name, map[string]any{
		"filter": wanted.Filter, "destination": pubsubDestination + wanted.Topic, "writerIdentity": agent(project.Numbered()),
		"createTime": stamp, "updateTime": stamp,
	})
	if err != nil {
		return fmt.Errorf("adding sink %q: %w", wanted.Name, err)
	}
	added.wired = true
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sinks[name] != nil {
		return fmt.Errorf("adding sink %q: it exists", wanted.Name)
	}
	r.sinks[name] = added
	return nil
}

// sinkKind are the sinks of projects, folders, organizations and billing accounts.
func (r *Router) sinkKind() collection.Kind {
	const audited = "google.logging.v2.ConfigServiceV2."
	return collection.Kind{
		Documents: []string{"logging/v2"}, Message: "LogSink", Permissions: "logging.sinks", Source: permissionSource,
		Collections: []string{"logging.projects.sinks", "logging.folders.sinks", "logging.organizations.sinks",
			"logging.billingAccounts.sinks"},
		Audit: map[string]string{"create": audited + "CreateSink", "patch": audited + "UpdateSink",
			"update": audited + "UpdateSink", "delete": audited + "DeleteSink"},
		ID: sinkName,
		Words: collection.Words{NotFound: "Sink {id} does not exist", Exists: "Sink {id} already exists",
			BadID: "Invalid sink name \"{id}\": it has up to 100 letters, digits, underscores, hyphens and periods."},
		// Source: logging/docs/reference/v2/rest/v2/projects.sinks/update, updateMask.
		DefaultMask: "destination,filter,includeChildren",
		Others: func(sinks *collection.Collection) {
			for name, resource := range r.wired() {
				sinks.PutMissing(collection.Resource{Name: name, Body: resource})
			}
		},
		Prepare: prepareSink, Changed: r.changed, View: shortName,
		State: func(kept collection.Resource, shown map[string]any) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if each := r.sinks[kept.Name]; each != nil {
				each.counts(shown)
			}
		},
	}
}

// wired are the sinks that no client made, by name.
func (r *Router) wired() map[string]map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]map[string]any{}
	for name, each := range r.sinks {
		if each.wired {
			all[name] = each.resource
		}
	}
	return all
}

// shortName shows a name as Logging does: the name proper, and beside it the full one.
func shortName(r collection.Resource, shown map[string]any) {
	id := strings.SplitN(r.Name, "/", 4)[3] // a metric's may hold slashes
	shown["name"], shown["resourceName"] = id, r.Name
}

// prepareSink checks a sink, says who writes for it, and completes the call's log entry
// (resource type documented in logging/docs/api/v2/resource-list).
func prepareSink(w *collection.Write) error {
	about := w.New
	if about == nil {
		about = w.Old
	}
	if record := w.Call.Record; record != nil {
		record.ResourceType, record.Location = "logging_sink", "global"
		record.Labels = map[string]string{"project_id": w.Call.Project.ID, "destination": apiserver.Text(about.Body, "destination"),
			"name": about.Name[strings.LastIndexByte(about.Name, '/')+1:]}
	}
	if w.New == nil {
		return nil
	}
	w.New.Body["writerIdentity"] = writer(w)
	made, err := newSink(w.New.Name, w.New.Body)
	if err != nil {
		return err
	}
	w.New.Kept = made
	return nil
}

// writer is who writes for a sink. Only a project's sink can be without an identity of
// its parent's, and what it once has stays.
// Source: logging/docs/reference/v2/rest/v2/projects.sinks/create, uniqueWriterIdentity.
func writer(w *collection.Write) string {
	parent, _, _ := strings.Cut(w.New.Name, "/sinks/")
	if custom := w.Call.Query("customWriterIdentity"); custom != "" {
		return "serviceAccount:" + strings.TrimPrefix(custom, "serviceAccount:")
	}
	unique := strings.EqualFold(w.Call.Query("uniqueWriterIdentity"), "true")
	switch {
	case w.Old != nil && !unique:
		return apiserver.Text(w.Old.Body, "writerIdentity")
	case strings.HasPrefix(parent, "projects/") && !unique:
		return "serviceAccount:cloud-logs@system.gserviceaccount.com"
	}
	return agent(w.Call.Server().ByNumber(parent))
}

// agent is the service agent that writes for the sinks of one parent, a project by its
// number
// (logging/docs/routing; iam/docs/service-agents).
func agent(parent string) string {
	kind, id, _ := strings.Cut(parent, "/")
	of := map[string]string{"folders": "folder-", "organizations": "org-", "billingAccounts": "billing-"}[kind]
	return "serviceAccount:service-" + of + id + "@gcp-sa-logging.iam.gserviceaccount.com"
}

// newSink checks a LogSink and completes it. Errors are Google's 400s; but
// for the field they name, their words are unverified.
func newSink(name string, resource map[string]any) (*sink, error) {
	parent, _, _ := strings.Cut(name, "/sinks/")
	made := &sink{parent: parent, resource: resource, destination: apiserver.Text(resource, "destination")}
	if !topic.MatchString(made.destination) && !other.MatchString(made.destination) {
		return nil, apiserver.Invalid("Invalid sink destination %q.", made.destination)
	}
	var err error
	if made.filter, err = filterOf(apiserver.Text(resource, "filter")); err != nil {
		return nil, err
	}
	for _, each := range apiserver.List(resource, "exclusions") {
		exclusion, _ := each.(map[string]any)
		filter, err := filterOf(apiserver.Text(exclusion, "filter"))
		switch {
		case err != nil:
			return nil, err
		case apiserver.Text(exclusion, "name") == "" || apiserver.Text(exclusion, "filter") == "":
			return nil, apiserver.Invalid("An exclusion must have a name and a filter.")
		case exclusion["disabled"] != true:
			made.exclusions = append(made.exclusions, filter)
		}
	}
	for key, value := range resource {
		if value == "" || value == false {
			delete(resource, key)
		}
	}
	return made, nil
}

func filterOf(text string) (*Filter, error) {
	filter, err := ParseFilter(text)
	if err != nil {
		return nil, apiserver.Invalid("Unparseable filter: %s", err)
	}
	return filter, nil
}

// changed lets the router have what a client wrote.
func (r *Router) changed(w *collection.Write) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.New == nil {
		delete(r.sinks, w.Old.Name)
		return
	}
	made := w.New.Kept.(*sink)
	if old := r.sinks[w.New.Name]; old != nil {
		made.wired, made.delivered, made.failed = old.wired, old.delivered, old.failed
	}
	r.sinks[w.New.Name] = made
}

// above are the containers of an entry's log, the nearest first: the sinks of the
// nearest see it, those of the others if they include their children.
func (r *Router) above(entry map[string]any) []string {
	owner, _, _ := strings.Cut(apiserver.Text(entry, "logName"), "/logs/")
	r.mu.Lock()
	server := r.server
	r.mu.Unlock()
	if server == nil {
		return []string{owner}
	}
	return server.Containers(owner) // it may take locks of its own
}

// wanting are the sinks that an entry goes to. One that intercepts keeps it from the
// sinks below its parent. The lock is held.
func (r *Router) wanting(entry map[string]any, above []string) []*sink {
	var found []*sink
	highest := 0 // where an entry is intercepted
	for _, name := range slices.Sorted(maps.Keys(r.sinks)) {
		each := r.sinks[name]
		depth := slices.Index(above, each.parent)
		if depth < 0 || depth > 0 && each.resource["includeChildren"] != true || !each.selects(entry) {
			continue
		}
		found = append(found, each)
		if each.resource["interceptChildren"] == true {
			highest = max(highest, depth)
		}
	}
	return slices.DeleteFunc(found, func(s *sink) bool { return slices.Index(above, s.parent) < highest })
}

func (s *sink) selects(entry map[string]any) bool {
	if s.resource["disabled"] == true || !s.filter.Match(entry) {
		return false
	}
	return !slices.ContainsFunc(s.exclusions, func(each *Filter) bool { return each.Match(entry) })
}

// project is the project into whose log the sink's entries go, "" = elsewhere.
func (s *sink) project() string {
	if found := project.FindStringSubmatch(s.destination); found != nil {
		return found[1]
	}
	return ""
}

// counts say what became of the sink's entries.
func (s *sink) counts(shown map[string]any) {
	shown["delivered"], shown["failed"] = s.delivered, s.failed
	if s.lastError != "" {
		shown["lastError"] = s.lastError
	}
}
