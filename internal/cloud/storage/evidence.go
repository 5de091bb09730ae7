package storage

import (
	"context"
	"fmt"
	"io"
	"time"

	api "google.golang.org/api/storage/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
)

// Evidence is a bucket of reports, a line each, as a Pub/Sub subscription writes them. Who asks
// reads it as themselves: the function has no right there.
type Evidence struct{ bucket *Bucket }

// OpenEvidence makes the client of a bucket, gs://BUCKET. It makes no call.
func OpenEvidence(ctx context.Context, config connect.Config, bucket string) (*Evidence, error) {
	opened, err := Open(ctx, config, bucket)
	return &Evidence{opened}, err
}

// The folders of the bucket, as deploy/terraform names them.
const (
	Reports    = "reports"
	Signatures = "signatures"
)

// Objects returns the names of the objects of the days from a time on that were written since,
// in the order of their names: deploy/terraform has them begin with FOLDER/YYYY-MM-DD/.
func (e *Evidence) Objects(ctx context.Context, folder string, since, now time.Time) ([]string, error) {
	var names []string
	for day := since.UTC().Truncate(24 * time.Hour); !day.After(now); day = day.Add(24 * time.Hour) {
		call := e.bucket.objects.List(e.bucket.name).Prefix(folder+"/"+day.Format(time.DateOnly)+"/").
			Fields("items(name,updated)", "nextPageToken")
		err := call.Pages(ctx, func(page *api.Objects) error {
			for _, object := range page.Items {
				if at, err := time.Parse(time.RFC3339Nano, object.Updated); err != nil || !at.Before(since) {
					names = append(names, object.Name)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("listing %s in gs://%s: %w", folder, e.bucket.name, connect.Classify(err))
		}
	}
	return names, nil
}

// Read opens an object. Who calls closes it.
func (e *Evidence) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	response, err := e.bucket.objects.Get(e.bucket.name, name).Context(ctx).Download()
	if err != nil {
		return nil, fmt.Errorf("reading gs://%s/%s: %w", e.bucket.name, name, connect.Classify(withMessage(err)))
	}
	return response.Body, nil
}
