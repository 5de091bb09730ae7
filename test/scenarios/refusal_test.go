package scenarios

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// rolesWithout are the function's roles less some permissions.
func rolesWithout(t *testing.T, missing []string) []apiserver.Role {
	t.Helper()
	roles, err := playground.ShippedRoles()
	if err != nil {
		t.Fatal(err)
	}
	for _, permission := range missing {
		found := false
		for i := range roles {
			left := slices.DeleteFunc(slices.Clone(roles[i].Permissions), func(p string) bool { return p == permission })
			found = found || len(left) < len(roles[i].Permissions)
			roles[i].Permissions = left
		}
		if !found {
			t.Errorf("no role holds %s, so nothing is without it", permission)
		}
	}
	return roles
}

// protects deploys a service behind a load balancer, and lets the function
// protect it. What was reported and written until then is passed over.
func (p *play) protects(args, _ []string) error {
	s, err := service(args)
	if err != nil {
		return err
	}
	if err := p.deploys(args, nil); err != nil {
		return err
	}
	if err := p.balances(args, nil); err != nil {
		return err
	}
	p.deliver()
	for range 10 {
		reports := p.about(s.Service, true)
		if n := len(reports); n == 0 || !reports[n-1].Outcome.Retries() {
			break
		}
		p.advance(3 * time.Minute)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written, p.spent = nil, spent{}
	return nil
}

// sinks are what the function can be given: changes, as in every story, and
// refused requests, which are opt-in.
var sinks = map[string]logging.Sink{
	"changes":  {Name: "iapguard-events", Filter: playground.EventsFilter, Topic: playground.EventsTopic},
	"refusals": {Name: "iapguard-requests", Filter: playground.RequestsFilter, Topic: playground.EventsTopic},
	"refused":  {Name: "iapguard-refused", Filter: playground.RequestsFilter, Topic: refusedTopic},
}

// hears sets which sinks there are from now on. What was logged before is
// delivered first.
func (p *play) hears(args, _ []string) error {
	p.deliver()
	owner := playground.Client{URL: p.playground.URL()}
	answer, err := owner.Call(p.ctx, http.MethodGet, "/v2/projects/"+playground.Project+"/sinks", nil)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	list, _ := answer["sinks"].([]any)
	for _, each := range list {
		one, _ := each.(map[string]any)
		name, _ := one["name"].(string)
		have[name] = true
	}
	for _, word := range args {
		if _, known := sinks[word]; !known && word != "nothing" {
			return fmt.Errorf("write hear changes, hear refusals, both, or hear nothing")
		}
	}
	for word, sink := range sinks {
		there, wanted := have[sink.Name], slices.Contains(args, word)
		switch {
		case wanted && !there:
			if sink.Topic == refusedTopic {
				err = p.refusedApart()
			}
			if err == nil {
				err = p.playground.Cloud.Logs().AddSink(sink)
			}
		case there && !wanted:
			_, err = owner.Call(p.ctx, http.MethodDelete, "/v2/projects/"+playground.Project+"/sinks/"+sink.Name, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *play) publish(topic string, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = p.playground.Broker.Publish(p.ctx, delivery.Message{Topic: topic, Data: data})
	return err
}

// entry gives the function a log entry that was written by hand, dated so long
// ahead, or ago where that is negative.
func (p *play) entry(args, block []string) error {
	ahead, err := time.ParseDuration(strings.Join(args, ""))
	if err != nil {
		return fmt.Errorf("write entry DURATION: %w", err)
	}
	var entry map[string]any
	if err := json.Unmarshal([]byte(strings.Join(block, "\n")), &entry); err != nil {
		return err
	}
	entry["timestamp"] = p.clock.Now().Add(ahead).UTC().Format(time.RFC3339Nano)
	return p.publish(playground.EventsTopic, entry)
}

// alert is what Cloud Monitoring sends when an alerting policy on refused
// requests finds too many of a service's.
func (p *play) alert(args, _ []string) error {
	s, err := service(args)
	if err != nil {
		return err
	}
	return p.publish(playground.EventsTopic, map[string]any{"version": "1.2", "incident": map[string]any{
		"incident_id": "0.alert", "scoping_project_id": playground.Project, "state": "open",
		"started_at":  p.clock.Now().Unix(),
		"policy_name": "refused requests",
		"resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{
			"project_id": playground.Project, "location": s.Region, "service_name": s.Service,
		}},
	}})
}

// asksDoctor asks on the commands topic why a service answers 403.
func (p *play) asksDoctor(args, _ []string) error {
	s, err := service(args)
	if err == nil {
		p.command(map[string]string{"command": "doctor", "target": s.Name()})
	}
	return err
}

// visits asks once or several times at one door, as a client does: it is logged.
func (p *play) visits(args []string) ([]string, error) {
	times := 1
	if len(args) == 4 && args[3] == "times" {
		times, _ = strconv.Atoi(args[2])
		args = args[:2]
	}
	if len(args) != 2 || times < 1 {
		return nil, fmt.Errorf("write visit WHO DOOR[/PATH] [N times]")
	}
	d, path, err := p.way(args[1])
	if err != nil {
		return nil, err
	}
	for _, v := range slices.Concat(visitors, programs) {
		if v.name == args[0] || v.name == "a "+args[0] || v.name == "an "+args[0] {
			answers := make([]string, times)
			for i := range answers {
				answers[i] = p.visit(p.playground.DataURL(), d, v, path)
			}
			return slices.Compact(answers), nil
		}
	}
	return nil, fmt.Errorf("%s is none of the visitors %v", args[0], visitors)
}

// evidence shows what the last diagnosis of a service looked at.
func (p *play) evidence(args []string) ([]string, error) {
	reports := p.about(strings.Join(args, ""), false)
	if i := slices.IndexFunc(reports, func(r report.Report) bool { return r.Verdict != "" }); i < 0 {
		return nil, fmt.Errorf("nothing was diagnosed since the last look at the reports")
	}
	var lines []string
	for _, each := range reports[len(reports)-1].Evidence {
		lines = append(lines, timeless(people(each.What))+": "+timeless(people(each.Found)))
	}
	return lines, nil
}
