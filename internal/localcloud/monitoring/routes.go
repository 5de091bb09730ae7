package monitoring

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// maxWritten is how many series one request writes (monitoring/quotas).
const maxWritten = 200

// routes are the methods about time series and metric descriptors. A descriptor's name
// ends with its type, which has slashes.
func (m *Monitoring) routes() []apiserver.Route {
	const all, one = "/v3/projects/{project}/metricDescriptors", "/v3/projects/{project}/metricDescriptors/{descriptor...}"
	const series = "/v3/projects/{project}/timeSeries"
	route := func(verb, path, method string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
		return apiserver.Route{Verb: verb, Path: path, API: "monitoring", ID: "monitoring.projects." + method,
			Permission: "monitoring." + method, Source: docs, Write: verb != http.MethodGet, Handle: handle}
	}
	return []apiserver.Route{
		route(http.MethodGet, series, "timeSeries.list", m.listSeries),
		route(http.MethodPost, series, "timeSeries.create", m.createSeries),
		route(http.MethodGet, all, "metricDescriptors.list", m.listDescriptors),
		route(http.MethodPost, all, "metricDescriptors.create", m.createDescriptor),
		route(http.MethodGet, one, "metricDescriptors.get", m.getDescriptor),
		route(http.MethodDelete, one, "metricDescriptors.delete", m.deleteDescriptor),
	}
}

// sent is a request's body in canonical form.
func sent(call *apiserver.Call, message string) (object, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	canonical, err := schema.Of("monitoring/v3").Normalize(message, body)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	return canonical, nil
}

// createSeries keeps one point of each series. Where one is refused, those before it are
// kept, as Google does.
func (m *Monitoring) createSeries(call *apiserver.Call) (any, error) {
	body, err := sent(call, "CreateTimeSeriesRequest")
	if err != nil {
		return nil, err
	}
	all := apiserver.List(body, "timeSeries")
	if len(all) == 0 || len(all) > maxWritten {
		return nil, apiserver.Invalid("Field timeSeries had an invalid value: 1 to %d time series are written at once.", maxWritten)
	}
	for _, each := range all {
		if err := m.series.write(call.Project, each.(object)); err != nil {
			return nil, err
		}
	}
	return object{}, nil
}

// listSeries answers the series that a query selects, those of the same metric and
// resource in one order.
func (m *Monitoring) listSeries(call *apiserver.Call) (any, error) {
	q, err := readQuery(call)
	if err != nil {
		return nil, err
	}
	var found []*one
	for _, each := range m.every(func(each *one) bool {
		return each.project() == call.Project.ID && q.filter.Match(each.tree())
	}) {
		selected := &one{metric: each.metric, resource: each.resource, kind: each.kind, valueType: each.valueType,
			points: q.within(each.points)}
		if q.period > 0 {
			selected = q.align(selected)
		}
		if len(selected.points) > 0 {
			found = append(found, selected)
		}
	}
	if slices.Contains(reducers, q.reducer) {
		found = q.reduce(found)
	}
	items := make([]any, len(found))
	for i, each := range found {
		items[i] = each.shown(each.points, q.headers)
	}
	page, next, err := collection.Page(call, items, 0)
	if err != nil {
		return nil, err
	}
	return answer("timeSeries", page, next), nil
}

func answer(field string, page []any, next string) object {
	body := object{}
	if len(page) > 0 {
		body[field] = page
	}
	if next != "" {
		body["nextPageToken"] = next
	}
	return body
}

func shownDescriptor(project apiserver.Project, descriptor object) object {
	shown := maps.Clone(descriptor)
	shown["name"] = project.Name() + "/metricDescriptors/" + apiserver.Text(descriptor, "type")
	return shown
}

func (m *Monitoring) listDescriptors(call *apiserver.Call) (any, error) {
	filter, err := parseFilter(call.Query("filter"))
	if err != nil {
		return nil, apiserver.Invalid("Field filter had an invalid value of %q: %v", call.Query("filter"), err)
	}
	m.series.mu.Lock()
	defer m.series.mu.Unlock()
	var known []string
	for of := range m.series.descriptors {
		if of.project == "" || of.project == call.Project.ID {
			known = append(known, of.metric)
		}
	}
	slices.Sort(known)
	var items []any
	for _, name := range slices.Compact(known) {
		if filter.Match(payload(object{"metric": object{"type": name}})) {
			items = append(items, shownDescriptor(call.Project, m.series.descriptor(call.Project, name)))
		}
	}
	page, next, err := collection.Page(call, items, 0)
	if err != nil {
		return nil, err
	}
	return answer("metricDescriptors", page, next), nil
}

func (m *Monitoring) getDescriptor(call *apiserver.Call) (any, error) {
	m.series.mu.Lock()
	defer m.series.mu.Unlock()
	found := m.series.descriptor(call.Project, call.Var("descriptor"))
	if found == nil {
		return nil, apiserver.NotFound("Could not find descriptor for metric '%s'.", call.Var("descriptor"))
	}
	return shownDescriptor(call.Project, found), nil
}

// createDescriptor makes a metric, or replaces what clients may change of it.
func (m *Monitoring) createDescriptor(call *apiserver.Call) (any, error) {
	body, err := sent(call, "MetricDescriptor")
	if err != nil {
		return nil, err
	}
	name := apiserver.Text(body, "type")
	switch {
	case !custom(name):
		return nil, apiserver.Invalid("Field metricDescriptor.type had an invalid value of %q: it must begin with a custom prefix.", name)
	case apiserver.Text(body, "metricKind") == "" || apiserver.Text(body, "valueType") == "":
		return nil, apiserver.Invalid("Field metricDescriptor had an invalid value: metric kind and value type are required.")
	}
	delete(body, "name")
	m.series.mu.Lock()
	defer m.series.mu.Unlock()
	if old := m.series.descriptor(call.Project, name); old != nil &&
		(old["metricKind"] != body["metricKind"] || old["valueType"] != body["valueType"]) {
		return nil, apiserver.Invalid("Field metricDescriptor had an invalid value: metric kind and value type cannot change.")
	}
	m.series.descriptors[described{call.Project.ID, name}] = body
	return shownDescriptor(call.Project, body), nil
}

func (m *Monitoring) deleteDescriptor(call *apiserver.Call) (any, error) {
	name := call.Var("descriptor")
	m.series.mu.Lock()
	defer m.series.mu.Unlock()
	switch {
	case !custom(name):
		return nil, apiserver.Invalid("Field name had an invalid value: %q cannot be deleted.", name)
	case m.series.descriptor(call.Project, name) == nil:
		return nil, apiserver.NotFound("Could not find descriptor for metric '%s'.", name)
	}
	delete(m.series.descriptors, described{call.Project.ID, name})
	maps.DeleteFunc(m.series.all, func(_ string, each *one) bool {
		return each.metric["type"] == name && each.project() == call.Project.ID
	})
	return object{}, nil
}

// custom reports whether clients may write a metric.
func custom(name string) bool {
	return slices.ContainsFunc([]string{"custom.googleapis.com/", "external.googleapis.com/", "workload.googleapis.com/"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) && name != prefix })
}
