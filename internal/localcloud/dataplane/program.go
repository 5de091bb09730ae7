package dataplane

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Contain makes a program the container of a service: what Cloud Run lets
// through to the service is sent to the program's base URL, such as
// http://127.0.0.1:8080, and its answer is the service's. The service has its
// full name, projects/P/locations/L/services/S, and need not exist yet.
func (d *DataPlane) Contain(service, base string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.containers[service] = strings.TrimSuffix(base, "/")
}

// Contains reports whether a program is the container of a service.
func (d *DataPlane) Contains(service string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.containers[service] != ""
}

// mostAnswered bounds an answer that is not streamed
// (run/quotas: 32 MiB over HTTP/1).
const mostAnswered = 32 << 20

// toProgram calls the program that is a service's container, for as long as the
// service's timeout allows.
func toProgram(base string, service object, c call) answer {
	ctx := c.ctx
	if limit, err := time.ParseDuration(apiserver.Text(apiserver.Object(service, "template"), "timeout")); err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	target := base + c.escapedPath
	if c.query != "" {
		target += "?" + c.query
	}
	r, err := http.NewRequestWithContext(ctx, c.method, target, c.body)
	if err != nil {
		return plain(http.StatusBadRequest, "The request cannot be passed on: "+err.Error()+"\n")
	}
	r.Host, r.ContentLength = c.host, c.size
	for name, value := range headersFor(c) {
		r.Header.Set(name, value)
	}
	given, err := answered(r)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && c.ctx.Err() == nil:
		return plain(http.StatusGatewayTimeout, "upstream request timeout")
	case err != nil:
		return plain(http.StatusServiceUnavailable,
			"Service Unavailable: the program behind this service cannot be asked: "+err.Error()+"\n")
	}
	return given
}

// answered is the program's answer as it is; redirects are answers.
func answered(r *http.Request) (answer, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswered))
	if err != nil {
		return answer{}, err
	}
	return answer{response.StatusCode, response.Header, string(body)}, nil
}
