// Package storage keeps the memory's blobs as objects of a Cloud Storage bucket.
package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"google.golang.org/api/googleapi"
	api "google.golang.org/api/storage/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/memory"
)

// address is a bucket as gcloud writes it. Source: storage/docs/buckets#naming.
var address = regexp.MustCompile(`^gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])$`)

// Valid reports whether s is a bucket's address, gs://BUCKET.
func Valid(s string) bool { return address.MatchString(s) }

// Bucket is a memory.Store in a bucket. It calls as the function's own account,
// whatever account the context names: no other account may write to the bucket.
type Bucket struct {
	objects *api.ObjectsService
	name    string
}

// Open makes the client of a bucket, gs://BUCKET. It makes no call.
func Open(ctx context.Context, config connect.Config, bucket string) (*Bucket, error) {
	match := address.FindStringSubmatch(bucket)
	if match == nil {
		return nil, fmt.Errorf("bucket %q is not a valid address: write gs://BUCKET", bucket)
	}
	options, err := config.Options(ctx, connect.Storage)
	if err != nil {
		return nil, err
	}
	service, err := api.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud Storage: %w", err)
	}
	service.UserAgent = config.UserAgent
	return &Bucket{service.Objects, match[1]}, nil
}

// maxBlob bounds the content of one object, in bytes. Records are far smaller.
const maxBlob = 1 << 20

// generationHeader holds an object's generation in answers that are its content.
// Source: storage/docs/xml-api/reference-headers.
const generationHeader = "X-Goog-Generation"

// Get reads an object's content and generation in one call.
func (b *Bucket) Get(ctx context.Context, name string) (memory.Blob, error) {
	ctx = connect.AsSelf(ctx)
	response, err := b.objects.Get(b.name, name).Context(ctx).Download()
	if err != nil {
		return memory.Blob{}, b.failed(ctx, "reading", name, withMessage(err))
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxBlob+1))
	if err != nil {
		return memory.Blob{}, b.failed(ctx, "reading", name, err)
	}
	generation, err := strconv.ParseInt(response.Header.Get(generationHeader), 10, 64)
	switch {
	case len(data) > maxBlob:
		return memory.Blob{},
			fault.New(fault.Invalid, "reading gs://%s/%s: it is larger than %d bytes", b.name, name, maxBlob)
	case err != nil || generation == 0:
		return memory.Blob{}, fault.New(fault.Unavailable, "reading gs://%s/%s: the answer has no generation", b.name, name)
	}
	return memory.Blob{Data: data, Generation: generation}, nil
}

// Put writes an object over a generation. Overwriting needs the permission to
// delete objects beside that to create them.
func (b *Bucket) Put(ctx context.Context, name string, data []byte, generation int64) (int64, error) {
	ctx = connect.AsSelf(ctx)
	made, err := b.objects.Insert(b.name, &api.Object{Name: name}).
		Media(bytes.NewReader(data), googleapi.ContentType("application/json"), googleapi.ChunkSize(0)).
		IfGenerationMatch(generation).Context(ctx).Do()
	if err != nil {
		return 0, b.failed(ctx, "writing", name, err)
	}
	return made.Generation, nil
}

// Delete removes a generation of an object. The bucket keeps it as noncurrent
// where it is versioned.
func (b *Bucket) Delete(ctx context.Context, name string, generation int64) error {
	ctx = connect.AsSelf(ctx)
	if err := b.objects.Delete(b.name, name).IfGenerationMatch(generation).Context(ctx).Do(); err != nil {
		return b.failed(ctx, "deleting", name, err)
	}
	return nil
}

// List returns the objects that a query selects. Lists of Cloud Storage are
// strongly consistent. Source: storage/docs/consistency.
func (b *Bucket) List(ctx context.Context, query memory.Query) ([]memory.Entry, error) {
	ctx = connect.AsSelf(ctx)
	call := b.objects.List(b.name).Prefix(query.Prefix).Fields("items(name,generation,updated)", "nextPageToken")
	if query.Before != "" {
		call.EndOffset(query.Before)
	}
	if query.Limit > 0 {
		call.MaxResults(int64(query.Limit))
	}
	var found []memory.Entry
	err := call.Pages(ctx, func(page *api.Objects) error {
		for _, object := range page.Items {
			entry := memory.Entry{Name: object.Name, Generation: object.Generation}
			if at, err := time.Parse(time.RFC3339Nano, object.Updated); err == nil { // else it is not known
				entry.Updated = at
			}
			found = append(found, entry)
		}
		if query.Limit > 0 && len(found) >= query.Limit {
			return errEnough
		}
		return nil
	})
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, errEnough):
		return found[:query.Limit], nil
	case notFound(err):
		return nil, &fault.Error{
			Kind: fault.Invalid, Err: fmt.Errorf("listing gs://%s: %w", b.name, connect.Classify(err)),
			Remedy: "create the bucket, or correct the address of the memory",
		}
	}
	return nil, fmt.Errorf("listing gs://%s/%s: %w", b.name, query.Prefix, connect.Classify(err))
}

// withMessage sets the message of a failed download: the client does not decode its
// body. Whether that is JSON or a line of text is unverified.
func withMessage(err error) error {
	var answer *googleapi.Error
	if !errors.As(err, &answer) || answer.Message != "" {
		return err
	}
	var body struct{ Error *googleapi.Error }
	if json.Unmarshal([]byte(answer.Body), &body) == nil && body.Error != nil {
		answer.Message, answer.Errors = body.Error.Message, body.Error.Errors
	} else {
		answer.Message = answer.Body
	}
	return err
}

// errEnough ends a list that has reached its limit.
var errEnough = errors.New("enough")

func notFound(err error) bool {
	var answer *googleapi.Error
	return errors.As(err, &answer) && answer.Code == http.StatusNotFound
}

// failed classifies a failed call about an object. A missing object and a missing
// bucket are both a 404, so a list distinguishes them: it fails when the bucket is
// missing.
func (b *Bucket) failed(ctx context.Context, doing, name string, err error) error {
	if notFound(err) {
		if _, listErr := b.List(ctx, memory.Query{Prefix: name, Limit: 1}); listErr != nil {
			return fmt.Errorf("%s gs://%s/%s: %w", doing, b.name, name, listErr)
		}
	}
	return fmt.Errorf("%s gs://%s/%s: %w", doing, b.name, name, connect.Classify(err))
}
