package main

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/telemetry"
)

// cloudLogHandler writes one JSON object a line with the keys that Cloud Logging
// reads. A line about a request names the request's trace, so that the console shows
// it with the request; project is the id of the project that stores the traces, ""
// where it is not known. Source: logging/docs/structured-logging.
func cloudLogHandler(w io.Writer, level slog.Level, project string) slog.Handler {
	replace := func(groups []string, a slog.Attr) slog.Attr {
		if err, ok := a.Value.Any().(error); ok {
			return slog.String(a.Key, oneLine(err.Error()))
		}
		if len(groups) > 0 {
			return a
		}
		switch a.Key {
		case slog.MessageKey:
			a.Key = "message"
		case slog.LevelKey:
			return slog.String("severity", severity(a.Value))
		case slog.SourceKey:
			return location(a.Value)
		}
		return a
	}
	lines := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, AddSource: true, ReplaceAttr: replace})
	return &traced{lines, project}
}

// oneLine joins the lines of a text; errors.Join writes one error a line.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// severity names a level as Cloud Logging does.
func severity(v slog.Value) string {
	switch level, _ := v.Any().(slog.Level); {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	}
	return "ERROR"
}

// location is the place in the source. A LogEntry's line is an int64, which JSON
// encodes as a string.
func location(v slog.Value) slog.Attr {
	source, ok := v.Any().(*slog.Source)
	if !ok || source.File == "" {
		return slog.Attr{}
	}
	return slog.Group("logging.googleapis.com/sourceLocation",
		"file", source.File, "line", strconv.Itoa(source.Line), "function", source.Function)
}

// traced adds the trace of a line's context.
type traced struct {
	slog.Handler
	project string
}

func (h *traced) Handle(ctx context.Context, line slog.Record) error {
	at := telemetry.Trace(ctx)
	if !at.IsValid() {
		return h.Handler.Handle(ctx, line)
	}
	name := at.TraceID().String()
	if h.project != "" {
		name = "projects/" + h.project + "/traces/" + name
	}
	line = line.Clone()
	line.AddAttrs(
		slog.String("logging.googleapis.com/trace", name),
		slog.String("logging.googleapis.com/spanId", at.SpanID().String()),
		slog.Bool("logging.googleapis.com/trace_sampled", at.IsSampled()),
	)
	return h.Handler.Handle(ctx, line)
}

func (h *traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &traced{h.Handler.WithAttrs(attrs), h.project}
}

func (h *traced) WithGroup(name string) slog.Handler {
	return &traced{h.Handler.WithGroup(name), h.project}
}
