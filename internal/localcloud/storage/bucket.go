package storage

import (
	"net/http"
	"strconv"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// fixed are the fields of a bucket that stay as they were made.
var fixed = []string{"name", "id", "kind", "projectNumber", "location", "timeCreated", "etag", "metageneration"}

// patch merges what a client sent into a bucket; null removes a field.
func (a *api) patch(c *apiserver.Call, in *bucket) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	sent, err := schema.Of("storage/v1").Normalize("Bucket", body)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	now := apiserver.Text(in.view, "metageneration")
	if asked := c.Query("ifMetagenerationMatch"); asked != "" && asked != now {
		return nil, refuse(http.StatusPreconditionFailed, "FAILED_PRECONDITION", "conditionNotMet",
			"At least one of the pre-conditions you specified did not hold.")
	}
	for _, field := range fixed {
		if value, given := sent[field]; given && value != in.view[field] {
			return nil, apiserver.Invalid("Cannot change %s of a bucket.", field)
		}
	}
	changed := apiserver.Clone(in.view)
	apiserver.Merge(changed, sent)
	generation, err := strconv.Atoi(now)
	if err != nil {
		return nil, err
	}
	changed["metageneration"] = strconv.Itoa(generation + 1)
	changed["updated"] = c.Time.UTC().Format(time.RFC3339Nano)
	in.view = changed
	return apiserver.Clone(changed), nil
}

// setPolicy replaces a bucket's IAM policy. The body is the policy itself.
func setPolicy(c *apiserver.Call, _ *bucket) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	sent := apiserver.Clone(body)
	for _, output := range []string{"kind", "resourceId"} {
		delete(sent, output)
	}
	clear(body)
	body["policy"] = sent
	policy, err := c.SetIamPolicy(c.Resource)
	if err != nil {
		return nil, err
	}
	return shownPolicy(c, policy.(map[string]any)), nil
}

func shownPolicy(c *apiserver.Call, policy map[string]any) map[string]any {
	policy = apiserver.Clone(policy)
	policy["kind"], policy["resourceId"] = "storage#policy", c.Resource
	return policy
}
