package run

import (
	"context"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// settle ends the reconciliation of a service as a change made it, and returns the
// service as it is then. A service that is being deleted is gone.
func (r *Run) settle(of *service) *service {
	settled, gone := r.settled(of)
	for _, each := range gone {
		if r.gone != nil {
			r.gone(each.project, each.location, each.name)
		}
	}
	return settled
}

func (r *Run) settled(of *service) (now *service, gone []*service) {
	at := r.server.Stamp()
	r.mu.Lock()
	defer r.mu.Unlock()
	live, ok := r.services.Get(of.fullName(), time.Time{})
	if !ok || live.uid != of.uid {
		return of, nil // a later deletion was faster
	}
	live = live.copy()
	if live.generation == of.generation {
		live.reconciled(at)
		if live.wanted.fields["iapEnabled"] == true {
			// gcloud expects the agent to exist some time after (its own source).
			r.server.ProvisionAgent(live.project.IAPAgent())
		}
		if !live.deleted.IsZero() {
			live.updated = at
			r.drop(live)
			return live, append(r.dropMirrors(live), live)
		}
	}
	return r.keep(live), r.dropMirrors(live)
}

// fail ends the reconciliation of a service as a change made it without success: what
// is observed stays as it was, but for the ingress where failed updates take effect, and a
// service that was to be deleted stays.
func (r *Run) fail(of *service, why string) *service {
	r.mu.Lock()
	defer r.mu.Unlock()
	live, ok := r.services.Get(of.fullName(), time.Time{})
	if !ok || live.uid != of.uid {
		return of
	}
	if live.generation == of.generation {
		live = live.copy()
		live.failure, live.deleted = why, time.Time{}
		if r.server.Beliefs().ApplyFailedUpdates && live.ingress != "" { // a service that was never ready has none
			live.ingress = apiserver.Text(live.wanted.fields, "ingress")
		}
		r.keep(live)
	}
	return live
}

// operationName is the name of the operation of a service's latest change.
func (s *service) operationName() string {
	return s.parent() + "/operations/" + s.operation
}

// ending is what the end of an operation leaves in the log.
type ending struct {
	readiness string                 // the method of the entry about readiness
	entry     *apiserver.AuditRecord // the last one of the call; nil = the call has a single one
}

// begin starts the operation of a change and answers it.
func (r *Run) begin(call *apiserver.Call, of *service, end ending) map[string]any {
	name := of.operationName()
	body := map[string]any{"name": name, "metadata": typed(of.v2(), serviceType)}
	operation := r.server.StartOperation(name, body)
	knative := r.server.StartOperation(knativeOperation(name),
		map[string]any{"name": name, "metadata": typed(of.v1(), knativeType)})
	failure, never := call.OperationFault()
	if never {
		return body
	}
	r.later(func() {
		r.emitLast(end.entry, failure)
		if failure != nil {
			settled := r.fail(of, failure.Message)
			knative.Finish(failed(name, typed(settled.v1(), knativeType), failure))
			operation.Finish(failed(name, typed(settled.v2(), serviceType), failure))
			return
		}
		settled := r.settle(of)
		r.ready(settled, end.readiness)
		knative.Finish(finished(name, settled.v1(), knativeType))
		operation.Finish(finished(name, settled.v2(), serviceType))
	})
	return body
}

// finished is the last answer about an operation.
func finished(name string, resource map[string]any, typeURL string) map[string]any {
	resource = typed(resource, typeURL)
	return map[string]any{"name": name, "metadata": resource, "done": true, "response": apiserver.Clone(resource)}
}

// failed is the last answer about an operation that came to nothing.
func failed(name string, metadata map[string]any, failure *apiserver.Error) map[string]any {
	problem := map[string]any{"code": number(failure.RPCCode()), "message": failure.Message}
	return map[string]any{"name": name, "metadata": metadata, "done": true, "error": problem}
}

// waitLimit is the longest that one wait call blocks.
const waitLimit = 2 * time.Minute

// operationName is the operation that a call is about. gcloud waits for those of
// multi-region services in the location "-" (recorded).
func operationName(call *apiserver.Call) string {
	location := call.Var("location")
	if location == "-" {
		location = global
	}
	return identity{call.Project, location, ""}.parent() + "/operations/" + call.Var("operation")
}

func (r *Run) findOperation(call *apiserver.Call, name string) (*apiserver.Operation, error) {
	if found := r.server.Operation(name); found != nil {
		return found, nil
	}
	return nil, apiserver.NotFound("Resource '%s' of kind 'OPERATION' in region '%s' in project '%s' does not exist.",
		call.Var("operation"), call.Var("location"), call.Project.ID)
}

func (r *Run) getOperation(call *apiserver.Call) (any, error) {
	found, err := r.findOperation(call, operationName(call))
	if err != nil {
		return nil, err
	}
	return found.Body(), nil
}

func (r *Run) waitOperation(call *apiserver.Call) (any, error) {
	return r.wait(call, operationName(call))
}

// wait blocks until the operation is done, but no longer than was asked for.
func (r *Run) wait(call *apiserver.Call, name string) (any, error) {
	found, err := r.findOperation(call, name)
	if err != nil {
		return nil, err
	}
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	limit := waitLimit
	if asked := apiserver.Text(body, "timeout"); asked != "" {
		parsed, err := time.ParseDuration(asked)
		if err != nil || parsed < 0 {
			return nil, apiserver.Invalid("Invalid value at 'timeout' (type.googleapis.com/google.protobuf.Duration), %q", asked)
		}
		limit = min(limit, parsed)
	}
	ctx, cancel := context.WithTimeout(call.Request.Context(), limit)
	defer cancel()
	return found.Wait(ctx), nil
}

func (r *Run) listOperations(call *apiserver.Call) (any, error) {
	prefix := strings.TrimSuffix(operationName(call), call.Var("operation"))
	return paged(call, "operations", r.server.Operations(prefix, "", 0), (*apiserver.Operation).Body)
}

// knativeOperation is the name under which an operation's v1 answer is kept.
func knativeOperation(name string) string { return "run/v1/" + name }

func (r *Run) waitOperationV1(call *apiserver.Call) (any, error) {
	return r.wait(call, knativeOperation(operationName(call)))
}

// getOperationV1 answers with v1's body of an operation. One that has none is
// another API's: Eventarc's have the same path.
func (r *Run) getOperationV1(call *apiserver.Call) (any, error) {
	if found := r.server.Operation(knativeOperation(operationName(call))); found != nil {
		return found.Body(), nil
	}
	return r.getOperation(call)
}
