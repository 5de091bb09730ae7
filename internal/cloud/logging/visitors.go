package logging

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	logging "google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/logfilter"
	"github.com/iapguard/iapguard/internal/posture"
)

// Entries are read in a few pages, newest first, and reported as a bounded number
// of visitors: anybody can make requests as often, and under as many names, as
// they like.
const (
	visitorPages    = 3
	visitorPageSize = 500
	maxVisitors     = 20
	// visitsKept is how long one reading counts. A deployment causes several looks at a
	// service within seconds, and what called it before them is still the same.
	visitsKept = time.Minute
	// visitorFields are what is read of an entry, a third of it.
	visitorFields = "entries(logName,timestamp,jsonPayload," +
		"httpRequest(requestMethod,requestUrl,userAgent,remoteIp,status))"
)

// Visitors returns the clients that were let in at one of these hosts of the
// service, or at any without hosts, since a time, by address and user agent, the most frequent
// first; before them Firebase Hosting and gateways of API Gateway that send requests on, see
// package caller. The log names no principal. Visitors are a hint, so the read is refused with
// fault.Quota while too little of the quota is left.
func (c *Client) Visitors(
	ctx context.Context, target posture.Target, hosts logfilter.Hosts, since time.Time,
) ([]caller.Caller, error) {
	key := fmt.Sprintf("%s %q %q %s", target.Name(), hosts.Asked, hosts.Backends, since.Truncate(time.Hour))
	return c.visits.Get(ctx, key, func(ctx context.Context) ([]caller.Caller, error) {
		return c.readVisitors(ctx, target, hosts, since)
	})
}

func (c *Client) readVisitors(
	ctx context.Context, target posture.Target, hosts logfilter.Hosts, since time.Time,
) ([]caller.Caller, error) {
	request := &logging.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + target.Project}, OrderBy: "timestamp desc", PageSize: visitorPageSize,
		Filter: logfilter.Visits(target, hosts, since),
	}
	seen := visitors{}
	for page := range visitorPages {
		if err := c.share.forHint(); err != nil && page > 0 {
			break // the newest entries are read
		} else if err != nil {
			return nil, fmt.Errorf("reading the request log of %q: %w", target.Service, err)
		}
		answer, err := c.list(ctx, request, visitorFields, "nextPageToken")
		if err != nil {
			return nil, fmt.Errorf("reading the request log of %q: %w", target.Service, err)
		}
		for _, entry := range answer.Entries {
			seen.add(entry)
		}
		if request.PageToken = answer.NextPageToken; request.PageToken == "" {
			break
		}
	}
	return seen.frequent(), nil
}

// visitors are callers by address, user agent and host.
type visitors map[[3]string]caller.Caller

// add counts one request. Its query, which may hold secrets, is not kept.
func (v visitors) add(entry *logging.LogEntry) {
	request := entry.HttpRequest
	if request == nil {
		return
	}
	seen := visitorOf(entry)
	key := [3]string{seen.RemoteIP, seen.Name, seen.Address}
	one, known := v[key]
	if !known {
		one = seen
	}
	one.Requests++
	if request.RequestMethod == http.MethodOptions {
		one.Preflights++
	}
	at, err := time.Parse(time.RFC3339Nano, entry.Timestamp)
	if err == nil && (one.LastSeen == nil || at.After(*one.LastSeen)) {
		at = at.UTC()
		one.LastSeen = &at
	}
	v[key] = one
}

// visitorOf is who an entry is about: the client, or what sent its request on.
func visitorOf(entry *logging.LogEntry) caller.Caller {
	if strings.HasSuffix(entry.LogName, "/"+logfilter.GatewayLog) {
		var payload struct {
			API            string `json:"api"`
			BackendRequest struct {
				Hostname string `json:"hostname"`
			} `json:"backendRequest"`
		}
		// A payload of another shape has no host, and leads to no service.
		_ = json.Unmarshal(entry.JsonPayload, &payload)
		host, _, _ := strings.Cut(payload.BackendRequest.Hostname, ":")
		return caller.Caller{Kind: caller.APIGateway, Address: "https://" + host,
			Name: strings.TrimPrefix(payload.API, "//apigateway.googleapis.com/")}
	}
	address := posture.Origin(entry.HttpRequest.RequestUrl)
	if tag, rewritten := caller.HostingTag(address); rewritten {
		return caller.Caller{Kind: caller.FirebaseHosting, Name: "rewrite to tag " + tag, Address: address}
	}
	return caller.Caller{Kind: caller.Visitor, Name: entry.HttpRequest.UserAgent, Address: address,
		RemoteIP: entry.HttpRequest.RemoteIp}
}

// frequent lists a bounded number, those that send requests of others on before clients.
func (v visitors) frequent() []caller.Caller {
	list := slices.SortedFunc(maps.Values(v), func(a, b caller.Caller) int {
		client := map[caller.Kind]int{caller.Visitor: 1}
		return cmp.Or(cmp.Compare(client[a.Kind], client[b.Kind]), cmp.Compare(b.Requests, a.Requests),
			cmp.Compare(a.RemoteIP+a.Name+a.Address, b.RemoteIP+b.Name+b.Address))
	})
	return list[:min(len(list), maxVisitors)]
}
