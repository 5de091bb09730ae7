package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jonboulle/clockwork"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	tracing "go.opentelemetry.io/otel/trace"
)

// scope is the instrumentation scope of what is exported.
const scope = "github.com/iapguard/iapguard"

// exportPatience bounds one export. What the collector has not accepted by then is
// dropped.
const exportPatience = 2 * time.Second

// Telemetry records and exports. A nil *Telemetry records nothing; all methods may
// be called on it.
type Telemetry struct {
	traces  *trace.TracerProvider
	metrics *metric.MeterProvider
	tracer  tracing.Tracer
	numbers numbers
	flushes flushes
	log     *slog.Logger
	clock   clockwork.Clock
}

// About describes the function in everything that is exported.
type About struct {
	Version string
	// Project, Region and Service name it on Cloud Run; "" elsewhere.
	Project, Region, Service string
}

// GoogleClient returns a client with Google's credentials.
type GoogleClient func(context.Context) (*http.Client, error)

// Options are what recording starts with.
type Options struct {
	Config Config
	About  About
	// Google is called only for an endpoint of Google's.
	Google GoogleClient
	Log    *slog.Logger
	Clock  clockwork.Clock // of every wait and time-out
}

// Start starts recording. It returns nil if nothing is exported.
func Start(ctx context.Context, o Options) (*Telemetry, error) {
	if !o.Config.Traces.On && !o.Config.Metrics.On {
		return nil, nil
	}
	described, err := o.About.resource(ctx)
	if err != nil {
		return nil, fmt.Errorf("describing the function for telemetry: %w", err)
	}
	// The default handler would print a line for each failed export.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Log.Debug("telemetry is not exported", "err", err) }))
	t := &Telemetry{log: o.Log, clock: o.Clock}
	traces := []trace.TracerProviderOption{trace.WithResource(described)}
	if o.Config.Traces.On {
		processor, err := spans(ctx, o.Config.Traces, o.Google)
		if err != nil {
			return nil, fmt.Errorf("exporting traces: %w", err)
		}
		traces = append(traces, trace.WithSpanProcessor(processor))
	}
	metrics := []metric.Option{metric.WithResource(described)}
	if o.Config.Metrics.On {
		reader, err := points(ctx, o.Config.Metrics, o.Google)
		if err != nil {
			return nil, fmt.Errorf("exporting metrics: %w", err)
		}
		metrics = append(metrics, metric.WithReader(reader))
	}
	t.traces, t.metrics = trace.NewTracerProvider(traces...), metric.NewMeterProvider(metrics...)
	t.tracer = t.traces.Tracer(scope)
	if t.numbers, err = newNumbers(t.metrics.Meter(scope)); err != nil {
		return nil, err
	}
	return t, nil
}

// spans exports spans in batches. It does not repeat failed exports: requests would
// wait for them.
func spans(ctx context.Context, to Export, google GoogleClient) (trace.SpanProcessor, error) {
	options := []otlptracehttp.Option{otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false})}
	if to.Google {
		client, err := google(ctx)
		if err != nil {
			return nil, err
		}
		options = append(options, otlptracehttp.WithHTTPClient(client))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, err
	}
	return trace.NewBatchSpanProcessor(exporter, trace.WithExportTimeout(exportPatience)), nil
}

func points(ctx context.Context, to Export, google GoogleClient) (metric.Reader, error) {
	options := []otlpmetrichttp.Option{otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: false})}
	if to.Google {
		client, err := google(ctx)
		if err != nil {
			return nil, err
		}
		options = append(options, otlpmetrichttp.WithHTTPClient(client))
	}
	exporter, err := otlpmetrichttp.New(ctx, options...)
	if err != nil {
		return nil, err
	}
	return metric.NewPeriodicReader(exporter, metric.WithTimeout(exportPatience)), nil
}

// resource describes the function. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
// take precedence. Google's endpoint requires the project. The instance id keeps the
// points of instances apart. Source:
// stackdriver/docs/reference/telemetry/overview.
func (a About) resource(ctx context.Context) (*resource.Resource, error) {
	attributes := []attribute.KeyValue{
		attribute.String("service.name", "iapguard"), attribute.String("service.version", a.Version),
		attribute.String("service.instance.id", uuid.NewString()),
	}
	if a.Service != "" {
		attributes = append(attributes,
			attribute.String("cloud.provider", "gcp"), attribute.String("cloud.platform", "gcp_cloud_run"),
			attribute.String("cloud.region", a.Region), attribute.String("faas.name", a.Service))
	}
	if a.Project != "" {
		attributes = append(attributes,
			attribute.String("gcp.project_id", a.Project), attribute.String("cloud.account.id", a.Project))
	}
	described, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithAttributes(attributes...), resource.WithFromEnv())
	if errors.Is(err, resource.ErrPartialResource) || errors.Is(err, resource.ErrSchemaURLConflict) {
		return described, nil // a part of the description is enough
	}
	return described, err
}

// Close exports what is left and stops recording.
func (t *Telemetry) Close(ctx context.Context) {
	if t == nil {
		return
	}
	if err := errors.Join(t.traces.Shutdown(ctx), t.metrics.Shutdown(ctx)); err != nil {
		t.log.WarnContext(ctx, "the last telemetry was not exported", "err", err)
	}
}
