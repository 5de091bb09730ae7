package compute

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// noLabels is the recorded labelFingerprint of a resource without labels.
const noLabels = "42WmSpB8rSM="

// contentHash is the fingerprint: "a hash of the contents stored in this object" (discovery
// document), eight bytes long, in URL-safe base64 with padding. Labels have
// their own, and what is computed on reading (usedBy) is not content.
func contentHash(r *resource) string {
	content := make(map[string]any, len(r.body)+1)
	for key, value := range r.body {
		if key != "labels" {
			content[key] = value
		}
	}
	content["id"] = r.id
	return digest(content)
}

func labelsHash(r *resource) string {
	labels := apiserver.Object(r.body, "labels")
	if len(labels) == 0 {
		return noLabels
	}
	return digest(labels)
}

func digest(content map[string]any) string {
	// Strings, numbers, lists and objects always encode.
	text, _ := json.Marshal(content)
	sum := sha256.Sum256(text)
	return base64.URLEncoding.EncodeToString(sum[:8])
}

// checkFingerprint compares what a write was based on with what is there.
func checkFingerprint(field, sent, current string, needed bool) error {
	switch {
	case sent == "" && needed:
		return required(field)
	case sent != "" && !schema.SameBytes(sent, current):
		return &apiserver.Error{
			Code: http.StatusPreconditionFailed, Status: "FAILED_PRECONDITION", Reason: "conditionNotMet",
			Message: "Invalid fingerprint.", Location: "If-Match", LocationType: "header",
		}
	}
	return nil
}
