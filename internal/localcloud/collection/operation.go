package collection

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// LongRunning answers writes with an operation of google.longrunning, below the
// resource's location. The write takes effect at once; the operation ends later with
// its result. Types begins the names of the API's messages in "@type".
func LongRunning(types string) func(*Collection, *Write, map[string]any) (any, error) {
	types = "type.googleapis.com/" + types + "."
	return func(c *Collection, w *Write, shown map[string]any) (any, error) {
		target := w.Call.Resource
		shown["@type"] = types + c.Message
		metadata := map[string]any{
			"@type": types + "OperationMetadata", "createTime": Time(w.At), "target": target,
			"verb": c.verb(w.Method), "requestedCancellation": false, "apiVersion": "v1",
		}
		if w.Dry() || w.Old == nil && w.New == nil {
			return map[string]any{"done": true, "metadata": metadata, "response": shown}, nil
		}
		name := fmt.Sprintf("%s/operations/operation-%d-%s", locationOf(target), w.At.UnixMilli(), apiserver.NewUUID())
		started := map[string]any{"name": name, "done": false, "metadata": metadata}
		operation := c.server.StartOperation(name, started)
		failure, never := w.Call.OperationFault()
		if never {
			return started, nil
		}
		ended := apiserver.Clone(started)
		ended["done"] = true
		if failure != nil {
			ended["error"] = map[string]any{"code": json.Number(strconv.Itoa(failure.RPCCode())), "message": failure.Message}
		} else {
			ended["response"] = shown
		}
		c.server.Later(c.server.OperationTime(), func() {
			apiserver.Object(ended, "metadata")["endTime"] = Time(c.server.Stamp())
			operation.Finish(ended)
		})
		return started, nil
	}
}

// locationOf is projects/P/locations/L of a name below it.
func locationOf(name string) string {
	parts := strings.SplitN(name, "/", 5)
	return strings.Join(parts[:min(4, len(parts))], "/")
}

// verb is a method as operations name it.
func (c *Collection) verb(method string) string {
	if method == "patch" {
		return "update"
	}
	return method
}
