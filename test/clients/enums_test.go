package clients

import (
	"testing"

	_ "cloud.google.com/go/iam/apiv1/iampb"              // registers its enums
	_ "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"     // registers its enums
	_ "cloud.google.com/go/run/apiv2/runpb"              // registers its enums
	_ "google.golang.org/genproto/googleapis/api/metric" // registers its enums
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// TestEnumsHaveTheNumbersOfGooglesMessages holds the numbers of our documents against
// those of Google's generated messages: discovery documents name the values only, in
// an order of their own.
func TestEnumsHaveTheNumbersOfGooglesMessages(t *testing.T) {
	compared := map[string]int{}
	for _, name := range schema.Documents() {
		document := schema.Of(name)
		for _, field := range fields(document) {
			found, err := protoregistry.GlobalTypes.FindEnumByName(protoreflect.FullName(field.EnumType))
			if err != nil {
				continue // of an API whose messages are not linked here
			}
			for _, value := range field.Enum {
				number, known := field.Number(value)
				described := found.Descriptor().Values().ByName(protoreflect.Name(value))
				switch {
				case described == nil:
					t.Errorf("%s: Google's messages have no %s of %s", name, value, field.EnumType)
				case !known || int(described.Number()) != number:
					t.Errorf("%s: %s of %s is %d, want %d", name, value, field.EnumType, number, described.Number())
				}
				compared[name]++
			}
		}
	}
	if compared["run/v2"] < 100 || compared["pubsub/v1"] < 10 {
		t.Errorf("too few values were compared: %v", compared)
	}
	t.Logf("values of enums compared: %v", compared)
}

// fields are the enums among the fields of all messages that methods send and answer.
func fields(document *schema.API) []*schema.Field {
	var all []*schema.Field
	seen := map[string]bool{"": true}
	var walk func(message string)
	walk = func(message string) {
		if seen[message] || document.Message(message) == nil {
			return
		}
		seen[message] = true
		for _, field := range document.Message(message).Fields {
			if field.EnumType != "" {
				all = append(all, field)
			}
			walk(field.Ref)
		}
	}
	for _, method := range document.Methods("") {
		walk(method.Request)
		walk(method.Response)
	}
	walk("GoogleCloudRunV2Service") // the response of an operation
	return all
}
