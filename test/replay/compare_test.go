package replay

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// difference is one place where an answer is not the recorded one. Either side
// is nil where it lacks the field.
type difference struct {
	path           string // with [] for the indices of lists
	recorded, ours any
}

// key is the last name of the path; those of annotations hold dots and a slash.
func (d difference) key() string {
	at := strings.LastIndexByte(d.path, '.')
	for _, prefix := range []string{"run.googleapis.com/", "serving.knative.dev/"} {
		if i := strings.LastIndex(d.path, prefix); i >= 0 {
			at = i - 1
		}
	}
	return d.path[at+1:]
}

func (d difference) String() string {
	return fmt.Sprintf("%s: recorded %s, ours %s", d.path, shown(d.recorded), shown(d.ours))
}

func shown(value any) string {
	if value == nil {
		return "nothing"
	}
	return fmt.Sprintf("%.150s", compactJSON(value))
}

// compare lists how our answer differs from the recorded one, whose texts are
// translated.
func (p *player) compare(path string, recorded, ours any) []difference {
	switch recorded := recorded.(type) {
	case map[string]any:
		object, ok := ours.(map[string]any)
		if !ok {
			return []difference{{path, recorded, ours}}
		}
		translated := map[string]any{}
		for key, value := range recorded {
			translated[p.ours(key)] = value
		}
		all := maps.Clone(translated)
		maps.Copy(all, object)
		var found []difference
		for _, key := range slices.Sorted(maps.Keys(all)) {
			at := strings.TrimPrefix(path+"."+key, ".")
			before, was := translated[key]
			now, is := object[key]
			if was && is {
				found = append(found, p.compare(at, before, now)...)
			} else {
				found = append(found, difference{at, before, now})
			}
		}
		return found
	case []any:
		list, ok := ours.([]any)
		if !ok || len(list) != len(recorded) {
			return []difference{{path, recorded, ours}}
		}
		var found []difference
		for i := range recorded {
			found = append(found, p.compare(path+"[]", recorded[i], list[i])...)
		}
		return found
	case string:
		if text, ok := ours.(string); ok && text == p.ours(recorded) {
			return nil
		}
		return []difference{{path, recorded, ours}}
	}
	if compactJSON(recorded) == compactJSON(ours) {
		return nil
	}
	return []difference{{path, recorded, ours}}
}

// rule allows a kind of difference.
type rule struct {
	name   string
	reason string
	allows func(x exchange, d difference) bool
}

func keys(names string) func(exchange, difference) bool {
	list := strings.Fields(names)
	return func(_ exchange, d difference) bool {
		return d.recorded != nil && d.ours != nil && slices.Contains(list, strings.TrimSuffix(d.key(), "[]"))
	}
}

// artefact is what the recordings' normalizer writes in place of values (INDEX.md).
var artefact = regexp.MustCompile(`\$\{|^abcdef0123A=$|0{15}|1{15}|8{15}|^1?2345678(901234)?$|^2024-04-01T12:34:56|^8\.8\.8\.8$`)

// allowed are all differences that may be, the first rule that fits counts.
var allowed = []rule{
	{"placeholders", "the recordings' normalizer put a placeholder there", func(_ exchange, d difference) bool {
		return d.ours != nil && artefact.MatchString(strings.Trim(shown(d.recorded), `"`))
	}},
	{"ids", "drawn at random or counted", keys("id targetId uid uniqueId clientOperationId selfLinkWithId " +
		"run.googleapis.com/operation-id latestCreatedRevisionName latestReadyRevisionName revisionName")},
	{"times", "the clock", func(_ exchange, d difference) bool {
		key := strings.ToLower(d.key())
		return d.recorded != nil && d.ours != nil && (strings.HasSuffix(key, "time") || strings.HasSuffix(key, "timestamp"))
	}},
	{"versions", "derived from the clock or the content", keys("etag fingerprint labelFingerprint resourceVersion generation " +
		"observedGeneration revision latestReadyRevision latestCreatedRevision")},
	{"callers", "who calls", keys("user creator lastModifier serving.knative.dev/creator serving.knative.dev/lastModifier")},
	{"addresses", "drawn from a range", keys("IPAddress address uri url urls")},
	{"progress", "how far the operation is when it is asked for", func(x exchange, d difference) bool {
		return operationName(x.answer) != "" && progress.MatchString(d.path)
	}},
	{"later fields", "Google has begun to answer them after the recording", func(_ exchange, d difference) bool {
		return d.recorded == nil && (slices.Contains(later, d.key()) || strings.Contains(shown(d.ours), "startupProbeType") ||
			d.ours == "SELF_MANAGED")
	}},
	{"quota", "how much of its quota a URL map uses, the local cloud does not count", func(_ exchange, d difference) bool {
		return d.path == "status" && strings.Contains(shown(d.recorded), "quotaUsage")
	}},
	{"one scope", "the recordings of aggregated lists were trimmed to one scope", func(_ exchange, d difference) bool {
		return d.recorded == nil && strings.HasPrefix(d.path, "items.")
	}},
	{"catalogue", "which services a project can enable is Google's catalogue", func(x exchange, d difference) bool {
		return strings.HasSuffix(x.path, "/services") && strings.HasPrefix(x.host, "serviceusage.") &&
			(d.path == "services" || d.path == "nextPageToken") ||
			d.path == "status" && strings.Contains(shown(d.ours), "Not found or permission denied for service(s)")
	}},
	{"timing", "several deletes ran at once: whether one met what another deleted was chance",
		func(_ exchange, d difference) bool {
			return d.path == "status of what was deleted" || d.path == "usedBy" && d.ours == nil
		}},
	{"one name", "the recordings' normalizer gave two resources one name", func(x exchange, d difference) bool {
		return d.path == "status" && x.status == http.StatusNotFound && strings.Contains(x.path, "${") ||
			twins.MatchString(x.path) && slices.Contains(differ, d.path)
	}},
	{"order", "Google lists the subnetworks of a network in no order", func(_ exchange, d difference) bool {
		return d.path == "subnetworks[]" && d.recorded != nil && d.ours != nil
	}},
	{"edited", "persons were replaced by one example address at the source", func(_ exchange, d difference) bool {
		return strings.HasSuffix(d.path, "members") && strings.Contains(shown(d.recorded), "user:someone@example.com")
	}},
	{"overload", "Google's quota was used up", func(x exchange, d difference) bool {
		return d.path == "status" && x.status == http.StatusTooManyRequests
	}},
	{"default account", "the local cloud does not show the default account of Compute Engine to gcloud run deploy --source",
		func(x exchange, d difference) bool {
			return d.path == "status" && strings.HasSuffix(x.path, "-compute@developer.gserviceaccount.com")
		}},
	{"push format", "Google shows the version of the push format in answers of writes alone, and attributes not where " +
		"messages are not wrapped; the broker answers reads and writes alike",
		func(_ exchange, d difference) bool { return strings.HasPrefix(d.path, "pushConfig.attributes") }},
	{"no uid", "the recordings' normalizer took the uid out of the metadata of operations",
		func(_ exchange, d difference) bool { return d.path == "metadata.uid" && d.recorded == nil }},
	{"debug", "an error that was recorded inside Google", func(_ exchange, d difference) bool { return d.key() == "debugInfo" }},
	{"organization", "the demo project is in one", func(_ exchange, d difference) bool {
		return d.path == "parent" && d.recorded == nil
	}},
}

// twins are pairs of resources that were recorded under one name.
var twins = regexp.MustCompile(`/(subnetworks/\$\{subnetworkID\}|targetTcpProxies/\$\{targetTcpProxyID\})$`)

// differ are the fields in which they do.
var differ = strings.Fields("description ipCidrRange purpose role stackType state")

// later are fields that some recordings lack and those of later years have.
var later = strings.Fields("selfLinkWithId urls enableCDN fingerprint labelFingerprint tlsEarlyData state " +
	"run.googleapis.com/urls selfManaged expireTime bgpBestPathSelectionMode")

var progress = regexp.MustCompile(`^(status|progress|done|endTime|startTime|response(\..*)?|` +
	`metadata(\.(endTime|done|@type|conditions|ingress|latest.*Revision|observedGeneration|reconciling|` +
	`terminalCondition.*|trafficStatuses|uri))?)$`)
