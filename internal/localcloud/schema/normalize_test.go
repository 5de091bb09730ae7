package schema

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNormalizeTakesEveryFormOfAValue(t *testing.T) {
	for _, each := range []struct{ what, document, message, sent, want string }{
		{"names of protobuf", "run/v2", "GoogleCloudRunV2Service",
			`{"invoker_iam_disabled":true,"template":{"max_instance_request_concurrency":8}}`,
			`{"invokerIamDisabled":true,"template":{"maxInstanceRequestConcurrency":8}}`},
		{"enums by number and by number as text", "run/v2", "GoogleCloudRunV2Service",
			`{"ingress":3,"launchStage":"4"}`, `{"ingress":"INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER","launchStage":"GA"}`},
		{"severity by number", "logging/v2", "LogEntry", `{"severity":300}`, `{"severity":"NOTICE"}`},
		{"int64 as number", "storage/v1", "Bucket", `{"softDeletePolicy":{"retentionDurationSeconds":604800}}`,
			`{"softDeletePolicy":{"retentionDurationSeconds":"604800"}}`},
		{"int32 as text, with exponent", "run/v2", "GoogleCloudRunV2ServiceScaling",
			`{"minInstanceCount":"5","maxInstanceCount":1e2}`, `{"minInstanceCount":5,"maxInstanceCount":100}`},
		{"read-only fields", "run/v2", "GoogleCloudRunV2Service",
			`{"uid":"1","generation":7,"conditions":"whatever","name":"projects/p/locations/l/services/s"}`,
			`{"name":"projects/p/locations/l/services/s"}`},
		{"what the path says", "pubsub/v1", "CreateSnapshotRequest", `{"name":"projects/p/snapshots/s","subscription":"x"}`,
			`{"subscription":"x"}`},
		{"null is absent", "run/v2", "GoogleCloudRunV2Service", `{"description":null,"labels":{"a":"b"}}`, `{"labels":{"a":"b"}}`},
		{"null is kept by Compute Engine", "compute/v1", "BackendService", `{"logConfig":null,"selfLink":null}`, `{"logConfig":null}`},
		{"zero values", "run/v2", "GoogleCloudRunV2Service", `{"description":"","iapEnabled":false,"ingress":0,"labels":{},"scaling":{}}`,
			`{"scaling":{}}`},
		{"zero values whose presence shows", "run/v2", "GoogleCloudRunV2TaskTemplate", `{"maxRetries":0,"timeout":"0s"}`,
			`{"maxRetries":0,"timeout":"0s"}`},
		{"zero values of an API that answers them", "compute/v1", "BackendService", `{"description":"","enableCDN":false,"timeoutSec":0}`,
			`{"description":"","enableCDN":false,"timeoutSec":0}`},
		{"zero int64", "run/v1", "TaskSpec", `{"maxRetries":0,"timeoutSeconds":"0"}`, `{"maxRetries":0}`},
		{"boolean as text", "run/v2", "GoogleCloudRunV2Service", `{"iapEnabled":"true"}`, `{"iapEnabled":true}`},
		{"durations, times, bytes", "pubsub/v1", "PubsubMessage", `{"data":"-_8","publishTime":"2026-01-02T03:04:05.6+01:00"}`,
			`{"data":"+/8=","publishTime":"2026-01-02T03:04:05.6+01:00"}`},
		{"any values", "logging/v2", "LogEntry", `{"jsonPayload":{"a":[1,{"b":null}]}}`, `{"jsonPayload":{"a":[1,{"b":null}]}}`},
		{"lists of lists of messages", "run/v2", "GoogleCloudRunV2RevisionTemplate",
			`{"containers":[{"env":[{"name":"A","value":""}]},null]}`, `{"containers":[{"env":[{"name":"A","value":""}]},{}]}`},
	} {
		t.Run(each.what, func(t *testing.T) {
			sent := decodeJSON(t, each.sent)
			before, _ := json.Marshal(sent)
			got, err := Of(each.document).Normalize(each.message, sent)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decodeJSON(t, each.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if after, _ := json.Marshal(sent); string(after) != string(before) {
				t.Errorf("the body was changed to %s", after)
			}
		})
	}
}

func TestNormalizeRefusesInGooglesWords(t *testing.T) {
	const service = "GoogleCloudRunV2Service"
	for _, each := range []struct{ document, message, sent, field, want string }{
		{"run/v2", service, `{"template":{"x":1}}`, "service.template",
			`Invalid JSON payload received. Unknown name "x" at 'service.template': Cannot find field.`},
		{"run/v2", service, `{"template":{"containers":[{},{"color":1}]}}`, "service.template.containers[1]",
			`Invalid JSON payload received. Unknown name "color" at 'service.template.containers[1]': Cannot find field.`},
		{"run/v2", "GoogleIamV1SetIamPolicyRequest", `{"policies":{}}`, "",
			`Invalid JSON payload received. Unknown name "policies": Cannot find field.`},
		{"pubsub/v1", "Topic", `{"x":1}`, "", `Invalid JSON payload received. Unknown name "x": Cannot find field.`},
		{"run/v2", service, `{"template":{"maxInstanceRequestConcurrency":"a"}}`, "service.template.max_instance_request_concurrency",
			`Invalid value at 'service.template.max_instance_request_concurrency' (TYPE_INT32), "a"`},
		{"run/v2", service, `{"template":{"maxInstanceRequestConcurrency":2147483648}}`, "service.template.max_instance_request_concurrency",
			`Invalid value at 'service.template.max_instance_request_concurrency' (TYPE_INT32), 2147483648`},
		{"run/v2", service, `{"template":{"maxInstanceRequestConcurrency":1.5}}`, "service.template.max_instance_request_concurrency",
			`Invalid value at 'service.template.max_instance_request_concurrency' (TYPE_INT32), 1.5`},
		{"run/v2", service, `{"ingress":"FOO"}`, "service.ingress",
			`Invalid value at 'service.ingress' (type.googleapis.com/google.cloud.run.v2.IngressTraffic), "FOO"`},
		{"run/v2", service, `{"ingress":99}`, "service.ingress",
			`Invalid value at 'service.ingress' (type.googleapis.com/google.cloud.run.v2.IngressTraffic), 99`},
		{"run/v2", service, `{"iapEnabled":"yes"}`, "service.iap_enabled", `Invalid value at 'service.iap_enabled' (TYPE_BOOL), "yes"`},
		{"run/v2", service, `{"description":7}`, "service.description", `Invalid value at 'service.description' (TYPE_STRING), 7`},
		{"run/v2", service, `{"description":{}}`, "service.description",
			`Invalid value at 'service.description' (TYPE_STRING), Starting an object on a scalar field`},
		{"run/v2", service, `{"description":[]}`, "service",
			`Invalid JSON payload received. Unknown name "description" at 'service': Proto field is not repeating, cannot start list.`},
		{"run/v2", service, `{"template":"x"}`, "service.template",
			`Invalid value at 'service.template' (type.googleapis.com/google.cloud.run.v2.RevisionTemplate), "x"`},
		{"run/v2", service, `{"traffic":{"percent":1}}`, "service.traffic",
			`Invalid value at 'service.traffic' (type.googleapis.com/google.cloud.run.v2.TrafficTarget), {"percent":1}`},
		{"run/v2", service, `{"labels":{"a":"b","c":1}}`, "service.labels[1].value",
			`Invalid value at 'service.labels[1].value' (TYPE_STRING), 1`},
		{"run/v2", service, `{"template":{"timeout":"5"}}`, "service.template.timeout",
			`Invalid value at 'service.template.timeout' (type.googleapis.com/google.protobuf.Duration), ` +
				`Field 'timeout', Illegal duration format; duration must end with 's'`},
		{"secretmanager/v1", "Secret", `{"expireTime":"soon"}`, "secret.expire_time",
			`Invalid value at 'secret.expire_time' (type.googleapis.com/google.protobuf.Timestamp), ` +
				`Field 'expireTime', Invalid time format: soon`},
		{"secretmanager/v1", "AddSecretVersionRequest", `{"payload":{"data":"%"}}`, "payload.data",
			`Invalid value at 'payload.data' (TYPE_BYTES), Base64 decoding failed for "%"`},
		{"compute/v1", "BackendService", `{"port":"x"}`, "port",
			`Invalid value for field 'resource.port': 'x'. Must be of type TYPE_INT32.`},
		{"compute/v1", "BackendService", `{"iap":{"enable":true}}`, "iap",
			`Invalid JSON payload received. Unknown name "enable" at 'iap': Cannot find field.`},
		{"compute/v1", "BackendService", `{"protocol":4}`, "protocol",
			`Invalid value for field 'resource.protocol': '4'. It is not a valid enum value.`},
	} {
		t.Run(each.sent, func(t *testing.T) {
			_, err := Of(each.document).Normalize(each.message, decodeJSON(t, each.sent))
			var invalid *Error
			if !errors.As(err, &invalid) {
				t.Fatalf("it answered %v, want an *Error", err)
			}
			if diff := cmp.Diff([]Violation{{each.field, each.want}}, invalid.Violations); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNormalizeNamesAllViolationsInOrder(t *testing.T) {
	_, err := Of("run/v2").Normalize("GoogleCloudRunV2Service", decodeJSON(t, `{"z":1,"a":1,"iapEnabled":3}`))
	want := strings.Join([]string{
		`Invalid JSON payload received. Unknown name "a" at 'service': Cannot find field.`,
		`Invalid value at 'service.iap_enabled' (TYPE_BOOL), 3`,
		`Invalid JSON payload received. Unknown name "z" at 'service': Cannot find field.`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("it answered\n%v\nwant\n%s", err, want)
	}
}

func TestNormalizeRefusesDeepNesting(t *testing.T) {
	nested := func(depth int) map[string]any {
		return decodeJSON(t, `{"jsonPayload":`+strings.Repeat(`{"a":`, depth-1)+"1"+strings.Repeat("}", depth-1)+"}")
	}
	if _, err := Of("logging/v2").Normalize("LogEntry", nested(100)); err != nil {
		t.Errorf("100 levels: %v", err)
	}
	_, err := Of("logging/v2").Normalize("LogEntry", nested(101))
	if err == nil || !strings.Contains(err.Error(), "Message too deep. Max recursion depth reached for key 'a'") {
		t.Errorf("101 levels: %v", err)
	}
}

func TestViolationsOfAnAnswer(t *testing.T) {
	for _, each := range []struct {
		document, message, answer string
		want                      []string
	}{
		{"run/v2", "GoogleCloudRunV2Service", `{"generation":"1","ingress":"INGRESS_TRAFFIC_ALL","terminalCondition":{"state":4},
			"createTime":"2026-01-02T03:04:05.123456Z","template":{"timeout":"300s","containers":[{"image":"i"}]}}`, nil},
		{"run/v2", "GoogleCloudRunV2Service", `{"generation":1,"ingress":"ALL","x":1,"createTime":"now","labels":{"a":1},
			"template":{"timeout":300,"containers":[{"ports":[{"containerPort":"80"}]}]},"traffic":{},"iapEnabled":0}`, []string{
			`GoogleCloudRunV2Service.createTime: "now" is not a time`,
			`GoogleCloudRunV2Service.generation: 1 is not a string`,
			`GoogleCloudRunV2Service.iapEnabled: 0 is not a boolean`,
			`GoogleCloudRunV2Service.ingress: "ALL" is not a value of the enum`,
			`GoogleCloudRunV2Service.labels.a: 1 is not a string`,
			`GoogleCloudRunV2Service.template.containers[0].ports[0].containerPort: "80" is not a number`,
			`GoogleCloudRunV2Service.template.timeout: 300 is not a string`,
			`GoogleCloudRunV2Service.traffic: {} is not a list`,
			`GoogleCloudRunV2Service: unknown field "x"`,
		}},
		{"run/v2", "GoogleLongrunningOperation", `{"name":"o","done":true,
			"response":{"@type":"type.googleapis.com/google.cloud.run.v2.Service","color":1}}`,
			[]string{`GoogleLongrunningOperation.response: unknown field "color"`}},
		{"serviceusage/v1", "Operation", `{"name":"o","metadata":{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}}`, nil},
		{"compute/v1", "BackendServiceAggregatedList", `{"items":{"global":{"backendServices":[{"id":"x"}],"warning":{"code":"NO"}}}}`,
			[]string{
				`BackendServiceAggregatedList.items.global.backendServices[0].id: "x" is not an uint64`,
				`BackendServiceAggregatedList.items.global.warning.code: "NO" is not a value of the enum`,
			}},
	} {
		if diff := cmp.Diff(each.want, Of(each.document).Violations(each.message, decodeJSON(t, each.answer))); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", each.message, each.answer, diff)
		}
	}
}
