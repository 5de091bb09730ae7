package iap

import (
	"regexp"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// camelRoot is what every path of an update mask begins with (recorded), in either
// spelling of protobuf's JSON.
var camelRoot = regexp.MustCompile(`(^|,)\s*(?:iapSettings|iap_settings)\.`)

// state is the settings of every resource that has some.
func (a *IAP) state() map[string]any {
	a.mu.Lock()
	settings := make(map[string]map[string]any, len(a.settings))
	for name, value := range a.settings {
		settings[name] = apiserver.Clone(value)
	}
	a.mu.Unlock()
	state := make(map[string]any, len(settings))
	for name, value := range settings {
		if shown := a.stateName(name); shown != "" {
			name = shown
		}
		state[name+":iapSettings"] = value
	}
	return state
}

// Settings are those of one resource, under the name that its policy has, as
// they were at a time; nil when there were none. They must not be changed.
func (a *IAP) Settings(resource string, at time.Time) map[string]any {
	settings, _ := a.past.At(resource, at)
	return settings
}

// getSettings answers the settings; what was never configured is just a name,
// not a 404 (recorded).
func (a *IAP) getSettings(c *apiserver.Call) (any, error) {
	name, err := a.resource(c)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return named(a.settings[name], name), nil
}

func named(settings map[string]any, name string) map[string]any {
	answer := map[string]any{}
	apiserver.Merge(answer, settings)
	answer["name"] = name
	return answer
}

// updateSettings writes the settings that the mask names, or all of them
// without one: a body with only a name clears everything (recorded). Keys may
// be in either spelling of protobuf's JSON.
func (a *IAP) updateSettings(c *apiserver.Call) (any, error) {
	name, err := a.resource(c)
	describe(c, name)
	// Settings are logged as data access (iap/docs/audit-log-howto), which is
	// switched on here.
	c.Record.Log, c.Record.Severity = apiserver.DataAccess, "INFO"
	if err != nil {
		return nil, err
	}
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	document := schema.Of("iap/v1")
	sent, err := document.Normalize("IapSettings", body)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	delete(sent, "name")
	mask := camelRoot.ReplaceAllString(c.Query("updateMask"), "$1")
	paths, err := document.Mask("IapSettings", mask)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	settings := sent
	if mask != "" && mask != "*" {
		settings = named(a.settings[name], name)
		delete(settings, "name")
		for _, path := range paths {
			replace(settings, sent, path)
		}
	}
	a.past.Put(name, a.server.Now(), apiserver.Clone(settings))
	if a.settings[name] = settings; len(settings) == 0 {
		delete(a.settings, name)
	}
	return named(settings, name), nil
}

// replace makes the value at path the same in into as in from, absence
// included.
func replace(into, from map[string]any, path []string) {
	key := path[0]
	if len(path) == 1 {
		delete(into, key)
		if value, ok := from[key]; ok && value != nil {
			into[key] = value
		}
		return
	}
	child := apiserver.Object(into, key)
	if child == nil {
		child = map[string]any{}
	}
	replace(child, apiserver.Object(from, key), path[1:])
	if into[key] = child; len(child) == 0 {
		delete(into, key)
	}
}

// Forget drops the policy and the settings of a Cloud Run service that was deleted.
func (a *IAP) Forget(of apiserver.Project, region, service string) {
	name := of.Numbered() + "/iap_web/cloud_run-" + region + "/services/" + service
	a.server.DeletePolicy(name)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.settings, name)
	a.past.Drop(name, a.server.Now())
}
