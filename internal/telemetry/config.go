package telemetry

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Config is what is exported. The exporters read the standard variables
// themselves; Config has what must be known before. The zero value exports
// nothing.
type Config struct {
	Traces, Metrics Export
	// Unread are the OTEL_* variables that are set and have no effect, sorted.
	Unread []string
}

// Export is the configuration of one signal.
type Export struct {
	On bool
	// Google means an endpoint of Google's, which requires credentials.
	Google bool
}

// signals are the signals in the names of variables.
var signals = []string{"TRACES", "METRICS"}

// perSignal are the variables that exist for both signals together and for each
// signal, which takes precedence.
var perSignal = []string{
	"ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT", "COMPRESSION",
	"CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY", "INSECURE",
}

// Variables are the names of the standard variables that are read. Source:
// opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables.
func Variables() []string {
	names := []string{
		"OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
		"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
	}
	for _, each := range perSignal {
		names = append(names, "OTEL_EXPORTER_OTLP_"+each)
		for _, signal := range signals {
			names = append(names, "OTEL_EXPORTER_OTLP_"+signal+"_"+each)
		}
	}
	slices.Sort(names)
	return names
}

// ReadConfig reads the standard variables. It returns an error for each invalid
// one, with valid values. No error shows the value of a header.
func ReadConfig(env map[string]string) (Config, []error) {
	var config Config
	known := Variables()
	for name, value := range env {
		if strings.HasPrefix(name, "OTEL_") && value != "" && !slices.Contains(known, name) {
			config.Unread = append(config.Unread, name)
		}
	}
	slices.Sort(config.Unread)
	r := reader{env: env}
	disabled := r.oneOf("OTEL_SDK_DISABLED", "true", "false") == "true"
	r.sampler()
	r.pairs("OTEL_RESOURCE_ATTRIBUTES")
	r.oneOf("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative", "delta", "lowmemory")
	r.exporter("OTEL_EXPORTER_OTLP_")
	for i, export := range []*Export{&config.Traces, &config.Metrics} {
		r.exporter("OTEL_EXPORTER_OTLP_" + signals[i] + "_")
		*export = r.export(signals[i])
		export.On = export.On && !disabled
	}
	return config, r.problems
}

type reader struct {
	env      map[string]string
	problems []error
}

// invalid adds an error for a variable.
func (r *reader) invalid(name, want string) {
	shown := r.env[name]
	if u, err := url.Parse(shown); err == nil && u.User != nil {
		shown = u.Redacted()
	}
	r.problems = append(r.problems, fmt.Errorf("%s is %q: write %s", name, shown, want))
}

// oneOf reads one of several words, "" when the variable is not set.
func (r *reader) oneOf(name string, words ...string) string {
	value := strings.ToLower(r.env[name])
	if value != "" && !slices.Contains(words, value) {
		r.invalid(name, strings.Join(words, " or "))
	}
	return value
}

// pairs checks NAME=VALUE,NAME=VALUE. The values may be secrets.
func (r *reader) pairs(name string) {
	if r.env[name] == "" {
		return
	}
	for pair := range strings.SplitSeq(r.env[name], ",") {
		key, value, found := strings.Cut(pair, "=")
		if _, err := url.PathUnescape(value); !found || strings.TrimSpace(key) == "" || err != nil {
			r.problems = append(r.problems, fmt.Errorf("%s is not a valid list (its text is not shown, it may be secret): "+
				"write NAME=VALUE,NAME=VALUE with values percent-encoded", name))
			return
		}
	}
}

func (r *reader) sampler() {
	name := r.oneOf("OTEL_TRACES_SAMPLER", "always_on", "always_off", "traceidratio",
		"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio")
	const arg = "OTEL_TRACES_SAMPLER_ARG"
	if r.env[arg] == "" || !strings.HasSuffix(name, "traceidratio") {
		return
	}
	if ratio, err := strconv.ParseFloat(r.env[arg], 64); err != nil || ratio < 0 || ratio > 1 {
		r.invalid(arg, "a number from 0 to 1")
	}
}

// exporter checks the exporter's variables with a prefix.
func (r *reader) exporter(prefix string) {
	r.oneOf(prefix+"PROTOCOL", "http/protobuf") // the only one that is compiled in
	r.oneOf(prefix+"COMPRESSION", "gzip", "none")
	r.oneOf(prefix+"INSECURE", "true", "false")
	r.pairs(prefix + "HEADERS")
	if value := r.env[prefix+"TIMEOUT"]; value != "" {
		if number, err := strconv.Atoi(value); err != nil || number < 1 {
			r.invalid(prefix+"TIMEOUT", "milliseconds")
		}
	}
	if value := r.env[prefix+"ENDPOINT"]; value != "" {
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
			r.invalid(prefix+"ENDPOINT", "https://HOST, or http://HOST:PORT of a collector beside the function")
		}
	}
}

// export reads the configuration of one signal. A signal is exported if a variable
// names its endpoint or its exporter.
func (r *reader) export(signal string) Export {
	exporter := r.oneOf("OTEL_"+signal+"_EXPORTER", "otlp", "none")
	name := "OTEL_EXPORTER_OTLP_" + signal + "_ENDPOINT"
	if r.env[name] == "" {
		name = "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	export := Export{On: exporter == "otlp" || exporter == "" && r.env[name] != ""}
	u, err := url.Parse(r.env[name])
	if err != nil {
		return export // exporter has reported it
	}
	export.Google = u.Hostname() == "googleapis.com" || strings.HasSuffix(u.Hostname(), ".googleapis.com")
	headers := r.env["OTEL_EXPORTER_OTLP_HEADERS"] + r.env["OTEL_EXPORTER_OTLP_"+signal+"_HEADERS"]
	if u.Scheme == "http" && export.On && (export.Google || headers != "" && !loopback(u.Hostname())) {
		r.problems = append(r.problems,
			fmt.Errorf("%s is %q: credentials would be sent in clear text: write https", name, r.env[name]))
	}
	return export
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
