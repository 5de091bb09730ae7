package console

import (
	"encoding/json"
	"strings"

	"github.com/iapguard/iapguard/internal/playground"
)

// maxLeads bounds how many parts of load balancers are remembered.
const maxLeads = 1000

// leads are the services to which parts of load balancers lead, by the names of the parts, as
// their log entries say: a NEG names the service, and each further part the one before it.
type leads map[string]string

// read remembers what the log entry of a part says, and returns the service that it leads to, ""
// where that is not known.
func (l leads) read(raw json.RawMessage) string {
	var entry struct {
		ProtoPayload struct {
			ResourceName string         `json:"resourceName"`
			Request      map[string]any `json:"request"`
		} `json:"protoPayload"`
	}
	if json.Unmarshal(raw, &entry) != nil {
		return ""
	}
	part := entry.ProtoPayload
	name := nameIn(part.ResourceName)
	to := l[name]
	if run, _ := part.Request["cloudRun"].(map[string]any); run != nil {
		service, _ := run["service"].(string)
		_, place, _ := strings.Cut(name, "/regions/")
		region, _, _ := strings.Cut(place, "/")
		to = "projects/" + playground.Project + "/locations/" + region + "/services/" + service
	} else if found := l.in(part.Request); found != "" {
		to = found
	}
	if to != "" && len(l) < maxLeads {
		l[name] = to
	}
	return to
}

// in finds the first part that a request refers to and that leads to a service.
func (l leads) in(value any) string {
	switch value := value.(type) {
	case string:
		return l[nameIn(value)]
	case []any:
		for _, each := range value {
			if to := l.in(each); to != "" {
				return to
			}
		}
	case map[string]any:
		for _, each := range value {
			if to := l.in(each); to != "" {
				return to
			}
		}
	}
	return ""
}

// nameIn is the name in a link to a resource.
func nameIn(link string) string {
	if at := strings.Index(link, "projects/"); at >= 0 {
		return link[at:]
	}
	return ""
}
