package monitoring

import (
	"cmp"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

// query is what a list of time series asks for.
type query struct {
	filter     *logging.Filter
	start, end time.Time
	headers    bool
	period     time.Duration // 0 = points as they are
	aligner    string
	reducer    string
	groupBy    []string
}

// readQuery reads the parameters of timeSeries.list.
// Source: monitoring/api/ref_v3/rest/v3/projects.timeSeries/list.
func readQuery(call *apiserver.Call) (query, error) {
	var q query
	var err error
	if call.Query("filter") == "" {
		return q, apiserver.Invalid("Field filter had an invalid value of \"\": a filter is required.")
	}
	if q.filter, err = parseFilter(call.Query("filter")); err != nil {
		return q, apiserver.Invalid("Field filter had an invalid value of %q: %v", call.Query("filter"), err)
	}
	if q.end, err = time.Parse(time.RFC3339Nano, call.Query("interval.endTime")); err != nil {
		return q, apiserver.Invalid("Field interval.end_time had an invalid value of %q.", call.Query("interval.endTime"))
	}
	q.start = q.end
	if text := call.Query("interval.startTime"); text != "" {
		if q.start, err = time.Parse(time.RFC3339Nano, text); err != nil || q.start.After(q.end) {
			return q, apiserver.Invalid("Field interval.start_time had an invalid value of %q.", text)
		}
	}
	q.headers = call.Query("view") == "HEADERS"
	return q, q.readAggregation(call)
}

var (
	aligners = []string{"ALIGN_COUNT", "ALIGN_DELTA", "ALIGN_MAX", "ALIGN_MEAN", "ALIGN_MIN", "ALIGN_RATE", "ALIGN_SUM"}
	reducers = []string{"REDUCE_COUNT", "REDUCE_MAX", "REDUCE_MEAN", "REDUCE_MIN", "REDUCE_SUM"}
)

func (q *query) readAggregation(call *apiserver.Call) error {
	q.aligner, q.reducer = call.Query("aggregation.perSeriesAligner"), call.Query("aggregation.crossSeriesReducer")
	q.groupBy = call.Request.URL.Query()["aggregation.groupByFields"]
	if q.aligner == "" || q.aligner == "ALIGN_NONE" {
		if q.reducer != "" && q.reducer != "REDUCE_NONE" {
			return apiserver.Invalid("Field aggregation.perSeriesAligner had an invalid value: a reducer needs an aligner.")
		}
		return nil
	}
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(call.Query("aggregation.alignmentPeriod"), "s"), 64)
	if q.period = time.Duration(seconds * float64(time.Second)); err != nil || q.period < time.Minute {
		return apiserver.Invalid("Field aggregation.alignmentPeriod had an invalid value of %q: it is at least 60s.",
			call.Query("aggregation.alignmentPeriod"))
	}
	if !slices.Contains(aligners, q.aligner) {
		return apiserver.Invalid("Field aggregation.perSeriesAligner had an invalid value of %q: it is not served here.", q.aligner)
	}
	if q.reducer != "" && q.reducer != "REDUCE_NONE" && !slices.Contains(reducers, q.reducer) {
		return apiserver.Invalid("Field aggregation.crossSeriesReducer had an invalid value of %q: it is not served here.", q.reducer)
	}
	return nil
}

// function is a call in a filter: starts_with("x").
var function = regexp.MustCompile(`=\s*(starts_with|ends_with|has_substring|one_of|monitoring\.regex\.full_match)\(((?:"(?:[^"\\]|\\.)*"\s*,?\s*)+)\)`)

// text is a quoted text.
var text = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// parseFilter reads a filter of Cloud Monitoring. Its comparisons, AND, OR and NOT are
// those of Cloud Logging; its functions are written as regular expressions.
// Source: monitoring/api/v3/filters.
func parseFilter(filter string) (*logging.Filter, error) {
	rewritten := function.ReplaceAllStringFunc(filter, func(called string) string {
		parts := function.FindStringSubmatch(called)
		var arguments []string
		for _, quoted := range text.FindAllString(parts[2], -1) {
			argument, err := strconv.Unquote(quoted)
			if err != nil {
				return called // the parser says why
			}
			if parts[1] != "monitoring.regex.full_match" {
				argument = regexp.QuoteMeta(argument)
			}
			arguments = append(arguments, argument)
		}
		pattern := "(" + strings.Join(arguments, "|") + ")"
		if parts[1] != "ends_with" && parts[1] != "has_substring" {
			pattern = "^" + pattern
		}
		if parts[1] != "starts_with" && parts[1] != "has_substring" {
			pattern += "$"
		}
		return "=~" + strconv.Quote(pattern)
	})
	return logging.ParseFilter(inPayload(rewritten))
}

// root begins a field in a filter of Cloud Monitoring.
var root = regexp.MustCompile(`\b(metric|resource|project)\b`)

// inPayload writes the fields as those of an entry's payload, because Cloud Logging
// knows no metric. What is quoted stays as it is.
func inPayload(filter string) string {
	var written strings.Builder
	from := 0
	for _, quoted := range append(text.FindAllStringIndex(filter, -1), []int{len(filter), len(filter)}) {
		written.WriteString(root.ReplaceAllString(filter[from:quoted[0]], "jsonPayload.$1"))
		written.WriteString(filter[quoted[0]:quoted[1]])
		from = quoted[1]
	}
	return written.String()
}

// payload is what a filter of parseFilter matches.
func payload(fields object) object { return object{"jsonPayload": fields} }

// tree is what a filter looks at: labels can be called label.
func (o *one) tree() object {
	half := func(part object) object {
		return object{"type": part["type"], "labels": part["labels"], "label": part["labels"]}
	}
	return payload(object{"metric": half(o.metric), "resource": half(o.resource), "project": o.project()})
}

// project is the id of the project that a series belongs to, the default one's where its
// resource names none.
func (o *one) project() string {
	return cmp.Or(o.in, apiserver.Text(apiserver.Object(o.resource, "labels"), "project_id"), apiserver.ProjectID)
}

// within are the points that end in the query's interval. The start is exclusive,
// unless it is the end.
func (q query) within(points []point) []point {
	return slices.DeleteFunc(slices.Clone(points), func(p point) bool {
		return p.end.After(q.end) || !p.end.After(q.start) && !q.start.Equal(q.end) || p.end.Before(q.start)
	})
}

// align makes one point of all in a period. Periods are counted back from the end.
func (q query) align(from *one) *one {
	aligned := &one{metric: from.metric, resource: from.resource, kind: "GAUGE", valueType: "DOUBLE"}
	buckets := map[int64][]float64{}
	for _, each := range q.within(from.points) {
		if n, ok := number(each.value); ok {
			i := int64(q.end.Sub(each.end) / q.period)
			buckets[i] = append(buckets[i], n)
		}
	}
	var order []int64
	for i := range buckets {
		order = append(order, i)
	}
	slices.Sort(order)
	whole := from.valueType == "INT64" && q.aligner != "ALIGN_MEAN" && q.aligner != "ALIGN_RATE" || q.aligner == "ALIGN_COUNT"
	if whole {
		aligned.valueType = "INT64"
	}
	start := time.Duration(0)
	if q.aligner == "ALIGN_DELTA" {
		aligned.kind, start = "DELTA", q.period
	}
	for _, i := range slices.Backward(order) {
		end := q.end.Add(-time.Duration(i) * q.period)
		value := combine(strings.TrimPrefix(q.aligner, "ALIGN_"), buckets[i])
		if q.aligner == "ALIGN_RATE" {
			value /= q.period.Seconds()
		}
		aligned.points = append(aligned.points, point{end.Add(-start), end, typed(value, whole)})
	}
	return aligned
}

func typed(value float64, whole bool) object {
	if whole {
		return object{"int64Value": strconv.FormatInt(int64(math.Round(value)), 10)}
	}
	return object{"doubleValue": json.Number(strconv.FormatFloat(value, 'g', -1, 64))}
}

// combine makes one value of several.
func combine(how string, values []float64) float64 {
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	switch how {
	case "COUNT":
		return float64(len(values))
	case "MAX":
		return slices.Max(values)
	case "MIN":
		return slices.Min(values)
	case "MEAN":
		return sum / float64(len(values))
	}
	return sum // SUM, DELTA, RATE
}

// reduce makes one series of those that agree in the group's fields. All are aligned.
func (q query) reduce(all []*one) []*one {
	groups := map[string][]*one{}
	var order []string
	for _, each := range all {
		key, _ := json.Marshal(q.kept(each)) // texts encode
		if groups[string(key)] == nil {
			order = append(order, string(key))
		}
		groups[string(key)] = append(groups[string(key)], each)
	}
	slices.Sort(order)
	var reduced []*one
	for _, key := range order {
		members := groups[key]
		fields := q.kept(members[0])
		whole := q.reducer == "REDUCE_COUNT" || members[0].valueType == "INT64" && q.reducer != "REDUCE_MEAN"
		into := &one{metric: fields[0], resource: fields[1], kind: members[0].kind, valueType: "DOUBLE"}
		if whole {
			into.valueType = "INT64"
		}
		values, at := map[time.Time][]float64{}, map[time.Time]point{}
		for _, member := range members {
			for _, each := range member.points {
				n, _ := number(each.value) // aligned
				values[each.end], at[each.end] = append(values[each.end], n), each
			}
		}
		for end, each := range at {
			each.value = typed(combine(strings.TrimPrefix(q.reducer, "REDUCE_"), values[end]), whole)
			into.points = append(into.points, each)
		}
		slices.SortFunc(into.points, func(a, b point) int { return a.end.Compare(b.end) })
		reduced = append(reduced, into)
	}
	return reduced
}

// kept are the metric and the resource of a group: their types, and the labels that the
// query groups by.
func (q query) kept(of *one) [2]object {
	group := [2]object{{"type": of.metric["type"]}, {"type": of.resource["type"]}}
	for i, part := range []object{of.metric, of.resource} {
		labels := object{}
		if project := apiserver.Object(part, "labels")["project_id"]; i == 1 && project != nil {
			labels["project_id"] = project
		}
		for _, field := range q.groupBy {
			root, label, _ := strings.Cut(strings.Replace(field, ".label.", ".labels.", 1), ".labels.")
			if value := apiserver.Object(part, "labels")[label]; value != nil && root == []string{"metric", "resource"}[i] {
				labels[label] = value
			}
		}
		if len(labels) > 0 {
			group[i]["labels"] = labels
		}
	}
	return group
}
