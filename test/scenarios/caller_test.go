package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/report"
)

// callers lists who calls a service, as the last report says that names any:
// of those that list writes, where there are such.
func (p *play) callers(args []string) ([]string, error) {
	reports := p.about(strings.Join(args, ""), false)
	wrote := func(one report.Report) bool {
		return slices.ContainsFunc(one.Steps, func(s report.Step) bool { return s.Result == report.StepDone })
	}
	if slices.ContainsFunc(reports, wrote) {
		reports = slices.DeleteFunc(reports, func(one report.Report) bool { return !wrote(one) })
	}
	var lines []string
	for _, one := range slices.Backward(reports) {
		if len(one.Callers)+len(one.Unread) == 0 {
			continue
		}
		for _, caller := range one.Callers {
			lines = append(lines, tellCaller(caller)...)
		}
		for _, unread := range one.Unread {
			lines = append(lines, fmt.Sprintf("not read: %s, for want of %s", unread.Resource, unread.Permission))
		}
		break
	}
	return lines, nil
}

// advice lists what the last report on a service advises.
func (p *play) advice(args []string) ([]string, error) {
	reports := p.about(strings.Join(args, ""), false)
	for _, one := range slices.Backward(reports) {
		if len(one.Advice) == 0 {
			continue
		}
		var lines []string
		for _, line := range one.Advice {
			lines = append(lines, hashes.ReplaceAllString(timeless(people(line)), "$1 …"))
		}
		return lines, nil
	}
	return nil, nil
}

func tellCaller(c report.Caller) []string {
	name, address := c.Name[strings.LastIndex(c.Name, "/")+1:], c.Address
	if c.Kind == caller.Visitor { // ports and versions differ from run to run
		name = c.RemoteIP
	}
	lines := []string{fmt.Sprintf("%s: %s %s, which calls %s", c.Impact, c.Kind, name, address)}
	if c.Impact != caller.StaysIn {
		lines = append(lines, "- why: "+c.Why, "- to do: "+c.Remedy)
	}
	return lines
}

// runs lets a job call, and shows how that ended.
func (p *play) runs(args []string) ([]string, error) {
	job := p.call(http.MethodPost, "/v1/projects/"+playground.Project+"/locations/us-central1/jobs/"+
		strings.Join(args, "")+":run", map[string]any{})
	status, _ := job["status"].(map[string]any)
	said := map[string]string{"<nil>": "answered", "5": "NOT_FOUND", "7": "PERMISSION_DENIED",
		"16": "UNAUTHENTICATED"}[fmt.Sprint(status["code"])]
	if said == "" {
		said = fmt.Sprint(status)
	}
	return []string{strings.Join(args, "") + ": " + said}, nil
}

// publishes puts a message into a topic, and shows how each push was answered.
func (p *play) publishes(args []string) ([]string, error) {
	topic := "projects/" + playground.Project + "/topics/" + strings.Join(args, "")
	p.call(http.MethodPost, "/v1/"+topic+":publish", map[string]any{"messages": []any{map[string]any{"data": "aGVsbG8="}}})
	if err := p.playground.Broker.Idle(p.ctx); err != nil { // every push was tried
		return nil, err
	}
	response, err := http.Get(p.playground.URL() + "/_local/state")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var state struct {
		PubSub map[string]struct {
			Topic      string
			LastAnswer int
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&state); err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(state.PubSub)) {
		if one := state.PubSub[name]; one.Topic == topic {
			lines = append(lines, fmt.Sprintf("%s: %d", name[strings.LastIndex(name, "/")+1:], one.LastAnswer))
		}
	}
	return lines, nil
}
