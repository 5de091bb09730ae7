package eventarc

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const typeURL = "type.googleapis.com/google.cloud.eventarc.v1."

// begin starts the operation of a write and answers it. The write takes effect
// at once, and its result is what the operation ends with.
func (e *Eventarc) begin(call *apiserver.Call, verb, target string, effect func() map[string]any) map[string]any {
	location := call.Var("location")
	name := fmt.Sprintf("%s/operations/operation-%d-%s", parent(location), call.Time.UnixMilli(), apiserver.NewUUID())
	started := map[string]any{"name": name, "done": false, "metadata": metadata(call, verb, target)}
	operation := e.server.StartOperation(name, started)
	failure, never := call.OperationFault()
	if never {
		return started
	}
	ended := apiserver.Clone(started)
	ended["done"] = true
	if failure != nil {
		ended["error"] = map[string]any{"code": json.Number(fmt.Sprint(failure.RPCCode())), "message": failure.Message}
	} else {
		ended["response"] = typed(effect())
	}
	e.server.Later(e.server.OperationTime(), func() {
		apiserver.Object(ended, "metadata")["endTime"] = stamp(e.server.Stamp())
		operation.Finish(ended)
	})
	return started
}

// asked answers a call that only wants to know whether it would be accepted.
func asked(call *apiserver.Call, verb, target string, would map[string]any) map[string]any {
	return map[string]any{"done": true, "metadata": metadata(call, verb, target), "response": typed(would)}
}

func metadata(call *apiserver.Call, verb, target string) map[string]any {
	return map[string]any{
		"@type": typeURL + "OperationMetadata", "createTime": stamp(call.Time), "target": target, "verb": verb,
		"requestedCancellation": false, "apiVersion": "v1",
	}
}

func typed(trigger map[string]any) map[string]any {
	trigger["@type"] = typeURL + "Trigger"
	return trigger
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }
