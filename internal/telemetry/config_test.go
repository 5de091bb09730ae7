package telemetry

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStandardVariablesDecideWhatIsExported(t *testing.T) {
	const collector = "http://127.0.0.1:4318"
	for _, tc := range []struct {
		name string
		env  map[string]string
		want Config
	}{
		{"nothing", nil, Config{}},
		{"a name alone", map[string]string{"OTEL_SERVICE_NAME": "guard"}, Config{}},
		{"a collector", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector},
			Config{Traces: Export{On: true}, Metrics: Export{On: true}}},
		{"a collector for traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector},
			Config{Traces: Export{On: true}}},
		{"a collector, and no metrics", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector,
			"OTEL_METRICS_EXPORTER": "none"}, Config{Traces: Export{On: true}}},
		{"the default collector", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, Config{Traces: Export{On: true}}},
		{"switched off", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_SDK_DISABLED": "true"}, Config{}},
		{"Google", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://telemetry.googleapis.com"},
			Config{Traces: Export{true, true}, Metrics: Export{true, true}}},
		{"Google for traces alone", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector,
			"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://telemetry.googleapis.com/v1/traces"},
			Config{Traces: Export{true, true}, Metrics: Export{On: true}}},
		{"an endpoint that only looks like Google",
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://telemetry.googleapis.com.example.com"},
			Config{Traces: Export{On: true}, Metrics: Export{On: true}}},
		{"variables without effect", map[string]string{"OTEL_PROPAGATORS": "b3", "OTEL_EXPORTER_OLTP_ENDPOINT": collector,
			"OTHER": "x"},
			Config{Unread: []string{"OTEL_EXPORTER_OLTP_ENDPOINT", "OTEL_PROPAGATORS"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, problems := ReadConfig(tc.env)
			if diff := cmp.Diff(tc.want, got); diff != "" || len(problems) > 0 {
				t.Errorf("problems %v, (-want +got):\n%s", problems, diff)
			}
		})
	}
}

func TestInvalidVariablesAreNamedWithValidValues(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"OTEL_SDK_DISABLED", "yes", "true or false"},
		{"OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"},
		{"OTEL_METRICS_EXPORTER", "prometheus", "otlp or none"},
		{"OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"},
		{"OTEL_TRACES_SAMPLER_ARG", "7", "a number from 0 to 1"},
		{"OTEL_RESOURCE_ATTRIBUTES", "team", "NAME=VALUE"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "https://HOST"},
		{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://me:hush@example.com", "https://HOST"},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "http/protobuf"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "hush-hush", "NAME=VALUE"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"},
		{"OTEL_EXPORTER_OTLP_COMPRESSION", "brotli", "gzip or none"},
		{"OTEL_EXPORTER_OTLP_INSECURE", "maybe", "true or false"},
		{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both", "cumulative or delta"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://telemetry.googleapis.com", "in clear text: write https"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector.example.com", "in clear text: write https"},
	} {
		env := map[string]string{tc.name: tc.value}
		if tc.name == "OTEL_TRACES_SAMPLER_ARG" {
			env["OTEL_TRACES_SAMPLER"] = "traceidratio"
		}
		if strings.HasSuffix(tc.value, "collector.example.com") {
			env["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=hush-hush"
		}
		_, problems := ReadConfig(env)
		err := errors.Join(problems...)
		if err == nil || !strings.Contains(err.Error(), tc.name+" is ") || !strings.Contains(err.Error(),
			tc.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s=%s: %v, want its name and %q, and nothing secret", tc.name, tc.value, err, tc.want)
		}
	}
}

func TestAllInvalidVariablesAreNamedAtOnce(t *testing.T) {
	_, problems := ReadConfig(map[string]string{"OTEL_SDK_DISABLED": "yes", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_TRACES_EXPORTER": "zipkin"})
	if len(problems) != 3 {
		t.Errorf("%v, want three problems", problems)
	}
}
