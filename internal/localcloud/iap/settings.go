package iap

import (
	"strings"
	"time"
	"unicode"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// maskRoot is what every path of an update mask begins with (recorded).
const maskRoot = "iapSettings."

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
	sent := camelKeys(apiserver.Clone(body)).(map[string]any)
	if err := apiserver.CheckFields(sent, "", "name accessSettings applicationSettings"); err != nil {
		return nil, err
	}
	delete(sent, "name")
	a.mu.Lock()
	defer a.mu.Unlock()
	settings := sent
	if mask := c.Query("updateMask"); mask != "" {
		settings = named(a.settings[name], name)
		delete(settings, "name")
		for _, path := range strings.Split(mask, ",") {
			path = strings.TrimPrefix(camel(strings.TrimSpace(path)), maskRoot)
			if path == "" {
				return nil, apiserver.Invalid("Invalid update mask %q: a path is empty.", mask)
			}
			replace(settings, sent, strings.Split(path, "."))
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

// camelKeys rewrites every snake_case key.
func camelKeys(value any) any {
	switch value := value.(type) {
	case map[string]any:
		renamed := make(map[string]any, len(value))
		for key, child := range value {
			renamed[camel(key)] = camelKeys(child)
		}
		return renamed
	case []any:
		for i, child := range value {
			value[i] = camelKeys(child)
		}
	}
	return value
}

func camel(snake string) string {
	var b strings.Builder
	up := false
	for _, r := range snake {
		if r == '_' {
			up = true
			continue
		}
		if up {
			r, up = unicode.ToUpper(r), false
		}
		b.WriteRune(r)
	}
	return b.String()
}
