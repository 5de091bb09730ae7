package run

import (
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// workerPoolRow is the row of worker pools. gcloud lists and describes them by v1, and
// writes them by gRPC, which is not served.
func (r *Run) workerPoolRow() collection.Kind {
	row := r.workload("WorkerPool", "workerPools", serviceName)
	row.Documents, row.Collections = append(row.Documents, "run/v1"), append(row.Collections, "run.namespaces.workerpools")
	row.Unserved = []string{"run.namespaces.workerpools.create", "run.namespaces.workerpools.replaceWorkerPool"}
	row.Rename, row.Shape, row.ListKind = r.namespacedName, r.shapeWorkerPool, "WorkerPoolList"
	row.Filter = selectedByLabel(r.shapeWorkerPool)
	prepared := row.Prepare
	row.Prepare = func(w *collection.Write) error {
		if err := regional(w.Call); err != nil {
			return err
		}
		return prepared(w)
	}
	return row
}

// shapeWorkerPool turns a worker pool of v2 into one of v1.
func (r *Run) shapeWorkerPool(version string, of collection.Resource, pool map[string]any) {
	if version != "v1" {
		return
	}
	metadata := r.metadataV1(of, pool, "workerpools")
	copyFields(apiserver.Object(metadata, "annotations"), pool, map[string]string{"creator": creatorAnnotation,
		"lastModifier": modifierAnnotation})
	spec := map[string]any{"template": templateV1(spec{fields: pool})}
	status := conditionsV1(pool, []any{pool["terminalCondition"]})
	for name, all := range map[string]map[string]any{"instanceSplits": spec, "instanceSplitStatuses": status} {
		if splits := apiserver.List(pool, name); splits != nil {
			all["instanceSplits"] = trafficV1(splits, "")
		}
	}
	become(pool, map[string]any{"kind": "WorkerPool", "metadata": metadata, "spec": spec, "status": status})
}
