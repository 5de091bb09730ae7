package compute

import (
	"fmt"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// probes are the fields that say how a health check of a type probes, each with the port
// that it takes where none is said (health-check-concepts), "" = one must be.
var probes = map[string]struct{ field, port string }{
	"TCP": {"tcpHealthCheck", "80"}, "SSL": {"sslHealthCheck", "443"},
	"HTTP": {"httpHealthCheck", "80"}, "HTTPS": {"httpsHealthCheck", "443"}, "HTTP2": {"http2HealthCheck", "443"},
	"GRPC": {"grpcHealthCheck", ""}, "GRPC_WITH_TLS": {"grpcTlsHealthCheck", ""},
}

// settleHealthCheck wants the one probe that fits the type and fills it up. The texts are
// reported for HTTP and for the time-out, the others are built alike (unverified).
func settleHealthCheck(_ *API, r, _ *resource) error {
	kind := apiserver.Text(r.body, "type")
	for name, other := range probes {
		if name != kind && r.body[other.field] != nil {
			return invalidField("resource."+other.field, "", "It does not fit the type "+kind+".")
		}
	}
	fitting, ok := probes[kind]
	if !ok { // INVALID is a value of the document's enum
		return invalidField("resource.type", kind, "It is not a valid enum value.")
	}
	probe := apiserver.Object(r.body, fitting.field)
	if probe == nil {
		return invalidField("resource."+fitting.field, "", kind+" healthCheck missing.")
	}
	if interval, timeout := whole(r.body["checkIntervalSec"]), whole(r.body["timeoutSec"]); timeout > interval {
		return invalidField("resource.timeoutSec", fmt.Sprint(timeout), "TimeoutSec should be less than checkIntervalSec.")
	}
	if by := probe["portSpecification"]; probe["port"] == nil && (by == nil || by == "USE_FIXED_PORT") {
		if fitting.port == "" {
			return required("resource." + fitting.field + ".port")
		}
		probe["port"] = number(fitting.port)
	}
	if strings.HasPrefix(kind, "GRPC") {
		return nil
	}
	fill(probe, map[string]any{"proxyHeader": "NONE"})
	if strings.HasPrefix(kind, "HTTP") {
		fill(probe, map[string]any{"requestPath": "/"})
	}
	return nil
}

// getHealth answers how the endpoints of a backend are. A serverless one has none: the
// text is reported. Of others nobody here knows anything.
func getHealth(s site, c *apiserver.Call) (any, error) {
	r, err := s.existing(c)
	if err != nil {
		return nil, err
	}
	sent, err := s.sent(c)
	if err != nil {
		return nil, err
	}
	group, _ := s.api.parseLink(c.Project, apiserver.Text(sent, "group"))
	for _, entry := range apiserver.List(r.body, "backends") {
		if apiserver.Text(entry.(map[string]any), "group") != link(group) {
			continue
		}
		if neg := s.api.find(group); neg != nil && neg.body["networkEndpointType"] == "SERVERLESS" {
			return nil, apiserver.Invalid("GetHealth is not supported with Serverless Network Endpoint Group backends.")
		}
		return map[string]any{"kind": "compute#backendServiceGroupHealth"}, nil
	}
	return nil, invalidField("resource.group", apiserver.Text(sent, "group"),
		"It is not a backend of the backend service.")
}
