package playground

import (
	"context"
	"net/http"
	"strings"
)

// MemoryBucket is the bucket that MakeMemoryBucket makes.
const MemoryBucket = "gs://iapguard-memory"

// MakeMemoryBucket makes the bucket of the function's memory, as the project's owner.
// A reset of the cloud deletes it.
func (p *Playground) MakeMemoryBucket(ctx context.Context) error {
	bucket := map[string]any{
		"name": strings.TrimPrefix(MemoryBucket, "gs://"), "versioning": map[string]any{"enabled": true},
		"iamConfiguration": map[string]any{"publicAccessPrevention": "enforced",
			"uniformBucketLevelAccess": map[string]any{"enabled": true}},
	}
	_, err := Client{URL: p.URL()}.Call(ctx, http.MethodPost, "/storage/v1/b?project="+Project, bucket)
	return err
}
