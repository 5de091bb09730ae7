package function

import (
	"context"
	"log/slog"

	"github.com/iapguard/iapguard/internal/report"
)

// logged is where reports go when no topic is configured: one structured log
// line each, which a log sink can route on.
type logged struct{ log *slog.Logger }

func (l logged) Publish(ctx context.Context, r report.Report) error {
	l.log.InfoContext(ctx, "report", "id", r.ID(), "type", report.TypePrefix+string(r.Outcome), "subject", r.Subject(), "data", r)
	return nil
}
