package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// recorder keeps the evidence of an apply: it writes each report, the started one
// first, to the file of -o and to the reports topic, where these are set.
type recorder struct {
	file  io.Writer
	topic reconcile.Publisher
}

func (r *recorder) Publish(ctx context.Context, published report.Report) error {
	if r.file != nil {
		if err := json.NewEncoder(r.file).Encode(published); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	if r.topic != nil {
		return r.topic.Publish(ctx, published)
	}
	return nil
}
