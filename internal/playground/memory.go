package playground

import (
	"context"
	"net/http"
	"strings"
)

// MemoryBucket is the bucket of the function's memory, once it is made.
const MemoryBucket = "gs://iapguard-memory"

// MakeMemoryBucket makes the bucket, as the project's owner. A reset of the cloud
// takes it away.
func (p *Playground) MakeMemoryBucket(ctx context.Context) error {
	bucket := map[string]any{
		"name": strings.TrimPrefix(MemoryBucket, "gs://"), "versioning": map[string]any{"enabled": true},
		"iamConfiguration": map[string]any{"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": map[string]any{"enabled": true}},
	}
	_, err := Client{URL: p.URL()}.Call(ctx, http.MethodPost, "/storage/v1/b?project="+Project, bucket)
	return err
}
