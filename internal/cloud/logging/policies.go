package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	// mostProjects bounds how many projects' logs one call reads. Source: logging/quotas,
	// "Number of resource names in entries.list".
	mostProjects = 100
	// policyPage and mostPolicyPages bound what is read about IAM policies of those projects.
	policyPage, mostPolicyPages = 1000, 30
)

// PolicyWrites are the writes of IAM policies in one project, with those that made or deleted what has
// them.
type PolicyWrites struct {
	Invokers Writes // to Cloud Run services
	Access   Writes // to those, to backend services and to policies of IAP
}

// Writes are when resources were last written, by the segments of their names.
type Writes map[string]time.Time

// Last is when a resource that one of these names may stand for was last written, zero = it was not.
func (w Writes) Last(names ...string) time.Time {
	last := w[""]
	for _, name := range names {
		if at := w[name]; at.After(last) {
			last = at
		}
	}
	return last
}

// note adds a write of a resource. One without a name may be any.
func (w Writes) note(resource string, at time.Time) {
	for _, segment := range strings.Split(resource, "/") {
		if at.After(w[segment]) {
			w[segment] = at
		}
	}
}

// Period is for how long back a log is read: since a time, and at least since another one where there
// are too many entries.
type Period struct{ Since, AtLeast time.Time }

// PolicyWrites reads from the audit logs of projects which IAM policies of Cloud Run services and of
// IAP were written in a period. A project whose log cannot be read for that long is not in the answer;
// unread is why, by the project.
func (c *Client) PolicyWrites(
	ctx context.Context, projects []string, in Period,
) (found map[string]PolicyWrites, unread map[string]error) {
	logs := policyLogs{c, in, map[string]PolicyWrites{}, map[string]error{}}
	for some := range slices.Chunk(projects, mostProjects) {
		logs.read(ctx, some)
	}
	return logs.found, logs.unread
}

// policyLogs is the answer of PolicyWrites while it is read.
type policyLogs struct {
	*Client
	in     Period
	found  map[string]PolicyWrites
	unread map[string]error
}

// read reads the logs of some projects in one search. Where one of them is refused the whole search
// is, so each half of them is searched by itself.
func (l policyLogs) read(ctx context.Context, projects []string) {
	writes, err := l.searchPolicyWrites(ctx, projects, l.in)
	kind := fault.Of(err).Kind
	switch half := len(projects) / 2; {
	case err == nil:
		maps.Copy(l.found, writes)
	case half > 0 && (kind == fault.Denied || kind == fault.NotFound):
		l.read(ctx, projects[:half])
		l.read(ctx, projects[half:])
	default:
		for _, project := range projects {
			l.unread[project] = err
		}
	}
}

func (c *Client) searchPolicyWrites(ctx context.Context, projects []string, in Period) (map[string]PolicyWrites, error) {
	request := &logging.ListLogEntriesRequest{Filter: logfilter.PolicyWrites(in.Since), OrderBy: "timestamp desc",
		PageSize: policyPage}
	found := map[string]PolicyWrites{}
	for _, project := range projects {
		request.ResourceNames = append(request.ResourceNames, "projects/"+project)
		found[project] = PolicyWrites{Writes{}, Writes{}}
	}
	oldest := c.now()
	for range mostPolicyPages {
		page, err := c.list(ctx, request, "nextPageToken", "entries(logName,timestamp,protoPayload)")
		if err != nil {
			return nil, fmt.Errorf("reading the audit log of %s: %w", shownProjects(projects), connect.Classify(err))
		}
		for _, entry := range page.Entries {
			at, err := noteWrite(found, entry)
			if err != nil {
				return nil, err
			}
			if at.Before(oldest) {
				oldest = at
			}
		}
		if request.PageToken = page.NextPageToken; request.PageToken == "" {
			return found, nil
		}
	}
	if oldest.Before(in.AtLeast) {
		return found, nil
	}
	return nil, fault.New(fault.Invalid, "the audit log of %s has more writes of IAM policies than are read",
		shownProjects(projects))
}

func shownProjects(projects []string) string {
	if len(projects) == 1 {
		return fmt.Sprintf("%q", projects[0])
	}
	return fmt.Sprintf("%q and %d more projects", projects[0], len(projects)-1)
}

// noteWrite notes a write, and says when it was.
func noteWrite(found map[string]PolicyWrites, entry *logging.LogEntry) (time.Time, error) {
	const compute, iap = "compute.googleapis.com", "iap.googleapis.com"
	var call struct {
		ServiceName  string `json:"serviceName"`
		ResourceName string `json:"resourceName"`
	}
	project, _, _ := strings.Cut(strings.TrimPrefix(entry.LogName, "projects/"), "/")
	at, err := time.Parse(time.RFC3339Nano, entry.Timestamp)
	if err == nil {
		err = json.Unmarshal(entry.ProtoPayload, &call)
	}
	if err != nil {
		return at, fault.New(fault.Invalid, "an entry of the audit log of %q cannot be read: %v", project, err)
	}
	switch writes, asked := found[project]; {
	case asked:
		if writes.Access.note(call.ResourceName, at); call.ServiceName != compute && call.ServiceName != iap {
			writes.Invokers.note(call.ResourceName, at)
		}
	case posture.ValidProjectNumber(project):
		return at, fault.New(fault.Invalid, "an entry of the audit log names its project by the number %s", project)
	}
	return at, nil // what sinks brought here from other projects is in their own logs
}
