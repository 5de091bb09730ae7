package cloudtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/playground"
)

// Calls are calls of the cloud's APIs, oldest first.
type Calls []apiserver.CallEntry

// Calls are all calls so far, by anybody.
func (e *Env) Calls() Calls {
	e.t.Helper()
	var calls Calls
	if err := json.Unmarshal([]byte(e.Shown("calls")), &calls); err != nil {
		e.t.Fatal(err)
	}
	return calls
}

// Shown is what the local cloud shows of itself at /_local/: its calls or its state.
func (e *Env) Shown(what string) string {
	e.t.Helper()
	response, err := http.Get(e.URL() + "/_local/" + what)
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		e.t.Fatalf("reading /_local/%s: %d %s %v", what, response.StatusCode, text, err)
	}
	return string(text)
}

// Own are those that the function made.
func (c Calls) Own() Calls { return c.By(playground.FunctionAccount) }

// By are those that a service account made.
func (c Calls) By(account string) Calls {
	return c.those(func(call apiserver.CallEntry) bool { return call.Principal.Email() == account })
}

// Writes are those that write, refused ones too.
func (c Calls) Writes() Calls {
	return c.those(func(call apiserver.CallEntry) bool { return call.Write })
}

// Reads are those that do not write.
func (c Calls) Reads() Calls {
	return c.those(func(call apiserver.CallEntry) bool { return !call.Write })
}

// Taken are those that were answered well.
func (c Calls) Taken() Calls {
	return c.those(func(call apiserver.CallEntry) bool { return call.Status < http.StatusMultipleChoices })
}

// Of are those of a method, given as the end of its id, such as
// services.setIamPolicy.
func (c Calls) Of(method string) Calls {
	return c.those(func(call apiserver.CallEntry) bool { return strings.HasSuffix(call.Method, method) })
}

// On are those about one resource.
func (c Calls) On(resource string) Calls {
	return c.those(func(call apiserver.CallEntry) bool { return call.Resource == resource })
}

func (c Calls) those(wanted func(apiserver.CallEntry) bool) Calls {
	var found Calls
	for _, call := range c {
		if wanted(call) {
			found = append(found, call)
		}
	}
	return found
}
