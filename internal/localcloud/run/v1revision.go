package run

import (
	"slices"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

func (r *Run) listRevisionsV1(call *apiserver.Call) (any, error) {
	id, err := identityV1(call)
	if err != nil {
		return nil, err
	}
	selects, err := labelSelector(call.Query("labelSelector"))
	if err != nil {
		return nil, err
	}
	var items []any
	for _, of := range r.in(id.project, id.location) {
		if call.Unreachable(of.location) {
			continue
		}
		for _, each := range slices.Backward(of.revisions) {
			shown := each.v1(of)
			if selects(apiserver.Object(apiserver.Object(shown, "metadata"), "labels")) {
				items = append(items, shown)
			}
		}
	}
	list := knativeList("RevisionList", items)
	list["metadata"] = map[string]any{"selfLink": "/apis/serving.knative.dev/v1/namespaces/" + id.project.Number +
		"/revisions"}
	return partial(call, list), nil
}

func (r *Run) getRevisionV1(call *apiserver.Call) (any, error) {
	id, err := identityV1(call)
	if err != nil {
		return nil, err
	}
	for _, of := range r.in(id.project, id.location) {
		for _, each := range of.revisions {
			if each.name == call.Var("revision") {
				return each.v1(of), nil
			}
		}
	}
	return nil, apiserver.NotFound("Resource '%s' of kind 'REVISION' in region '%s' in project '%s' does not exist.",
		call.Var("revision"), id.location, id.project.ID)
}
