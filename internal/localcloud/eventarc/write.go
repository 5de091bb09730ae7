package eventarc

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// describe completes the call's log entry.
func describe(call *apiserver.Call, name string) {
	call.Resource = name
	if call.Record != nil {
		call.Record.ResourceName, call.Record.Location = name, call.Var("location")
		for i := range call.Record.Authorization {
			call.Record.Authorization[i].Resource = name
		}
	}
}

func (e *Eventarc) create(call *apiserver.Call) (any, error) {
	location, id := call.Var("location"), call.Query("triggerId")
	if err := checkLocation(location); err != nil {
		return nil, err
	}
	if !triggerID.MatchString(id) {
		return nil, apiserver.Invalid("The request was invalid: invalid value for trigger_id: %q", id)
	}
	target := parent(location) + "/triggers/" + id
	describe(call, target)
	resource, err := sent(call, target)
	if err != nil {
		return nil, err
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	if e.find(target) != nil {
		return nil, apiserver.AlreadyExists("Resource '%s' already exists", target)
	}
	made, err := newTrigger(resource, location, id)
	if err != nil {
		return nil, err
	}
	created := e.server.Stamp()
	made.carry(transportNames(location, id))
	made.resource["uid"], made.resource["createTime"] = apiserver.NewUUID(), stamp(created)
	made.version(created)
	return e.write(call, "create", made, nil)
}

func (e *Eventarc) patch(call *apiserver.Call) (any, error) {
	e.writing.Lock()
	defer e.writing.Unlock()
	old, err := e.named(call)
	if err != nil {
		return nil, err
	}
	describe(call, old.name)
	changes, err := sent(call, old.name)
	if err != nil {
		return nil, err
	}
	fields, err := masked(call.Query("updateMask"), changes)
	if err != nil {
		return nil, err
	}
	resource := apiserver.Clone(old.resource)
	delete(resource, "transport")
	for _, field := range fields {
		assign(resource, changes, field)
	}
	made, err := newTrigger(resource, old.location, call.Var("trigger"))
	if err != nil {
		return nil, err
	}
	made.carry(old.route.Topic, old.route.Subscription)
	made.version(e.server.Stamp())
	return e.write(call, "update", made, old)
}

// write puts a trigger in the place of the old one, nil = there was none, if
// its caller may act as its account.
func (e *Eventarc) write(call *apiserver.Call, verb string, made, old *trigger) (any, error) {
	if made.route.Account != "" {
		if err := call.ActAs(made.route.Account); err != nil {
			return nil, err
		}
	}
	if call.Query("validateOnly") == "true" {
		call.Record = nil
		return asked(call, verb, made.name, apiserver.Clone(made.resource)), nil
	}
	return e.begin(call, verb, made.name, func() map[string]any {
		if old != nil {
			e.drop(old)
		}
		e.put(made)
		return made.view()
	}), nil
}

func (e *Eventarc) remove(call *apiserver.Call) (any, error) {
	e.writing.Lock()
	defer e.writing.Unlock()
	old, err := e.named(call)
	if err != nil {
		if missing(err) && call.Query("allowMissing") == "true" {
			return asked(call, "delete", call.Resource, map[string]any{}), nil
		}
		return nil, err
	}
	describe(call, old.name)
	if etag := call.Query("etag"); etag != "" && etag != old.resource["etag"] {
		return nil, apiserver.Aborted("The request was aborted: the etag %s is not the current one of '%s'", etag, old.name)
	}
	if call.Query("validateOnly") == "true" {
		call.Record = nil
		return asked(call, "delete", old.name, old.view()), nil
	}
	return e.begin(call, "delete", old.name, func() map[string]any {
		e.drop(old)
		return apiserver.Clone(old.resource)
	}), nil
}

// sent are the writable fields of the trigger in a request's body.
func sent(call *apiserver.Call, name string) (map[string]any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	if given := apiserver.Text(body, "name"); given != "" && withoutProject(given) != withoutProject(name) {
		return nil, invalid("name", "%q is not %q", given, name)
	}
	resource := apiserver.Clone(body)
	for key := range resource {
		if outputOnly[key] {
			delete(resource, key)
			continue
		}
		fits := writable[key]
		if fits == nil {
			return nil, apiserver.UnknownField(key, "trigger")
		}
		if !fits(resource[key]) {
			return nil, apiserver.Invalid("Invalid value at 'trigger.%s'", key)
		}
	}
	return resource, nil
}

// masked are the paths of the fields that an update writes: without a mask
// those that were sent, with * all of them.
func masked(mask string, changes map[string]any) ([][]string, error) {
	var fields [][]string
	if mask == "" || mask == "*" {
		for field := range writable {
			if _, given := changes[field]; field != "transport" && (given || mask == "*") {
				fields = append(fields, []string{field})
			}
		}
		return fields, nil
	}
	for path := range strings.SplitSeq(mask, ",") {
		field := strings.Split(camel(strings.TrimSpace(path)), ".")
		if writable[field[0]] == nil || field[0] == "transport" {
			return nil, apiserver.Invalid("The request was invalid: invalid value for update_mask: %q", path)
		}
		fields = append(fields, field)
	}
	return fields, nil
}

// assign writes the field at a path as it was sent; one that was not is cleared.
func assign(into, sent map[string]any, path []string) {
	key := path[0]
	value, given := sent[key]
	switch {
	case len(path) == 1 && given:
		into[key] = value
	case len(path) == 1:
		delete(into, key)
	default:
		if apiserver.Object(into, key) == nil {
			into[key] = map[string]any{}
		}
		assign(apiserver.Object(into, key), apiserver.Object(sent, key), path[1:])
	}
}

// snake finds where event_filters becomes eventFilters.
var snake = regexp.MustCompile(`_([a-z])`)

func camel(path string) string {
	return snake.ReplaceAllStringFunc(path, func(found string) string { return strings.ToUpper(found[1:]) })
}

func missing(err error) bool {
	var answered *apiserver.Error
	return errors.As(err, &answered) && answered.Code == http.StatusNotFound
}
