package run

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// The messages of the two faces, as Google's discovery documents have them.
const (
	serviceV2 = "GoogleCloudRunV2Service"
	serviceV1 = "Service"
)

func documentV1() *schema.API { return schema.Of("run/v1") }
func documentV2() *schema.API { return schema.Of("run/v2") }

// normalize checks a message of v2 that a client sent and returns it as the server
// keeps it: nothing that is empty or zero (proto3).
func normalize(message string, sent map[string]any) (map[string]any, error) {
	kept, err := documentV2().Normalize(message, sent)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	dropZeros(message, kept)
	return kept, nil
}

// explicit are fields that may be zero on purpose: they are optional or a oneof in
// Google's .proto files, which no discovery document says.
var explicit = []string{"EnvVar.value", "ServiceScaling.manualInstanceCount", "WorkerPoolScaling.manualInstanceCount"}

// dropZeros removes what is the same as absent in proto3. A message may be empty.
func dropZeros(message string, kept map[string]any) {
	for name, field := range documentV2().Message(message).Fields {
		value := kept[name]
		switch inner, isObject := value.(map[string]any); {
		case isObject && field.Ref != "" && !field.Map:
			dropZeros(field.Ref, inner)
		case slices.Contains(explicit, strings.TrimPrefix(message, "GoogleCloudRunV2")+"."+name):
		case isZero(value) || isUnspecified(field, value):
			delete(kept, name)
		case field.Ref != "" && field.Repeated:
			for _, each := range value.([]any) {
				dropZeros(field.Ref, each.(map[string]any))
			}
		}
	}
}

func isUnspecified(field *schema.Field, value any) bool {
	text, isText := value.(string)
	if number, ok := field.Number(text); isText && ok {
		return number == 0
	}
	return false
}

func isZero(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case json.Number:
		return value == "0"
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}
