package memory

import (
	"context"
	"time"
)

// Store keeps blobs under names. A write succeeds only over the generation that the
// writer has read, so no writer overwrites another's change unseen.
//
// Errors are classified by package fault: NotFound when there is no blob of that
// name, Conflict when the generation has changed, Quota when a blob is written too
// often. When the store itself is missing, the error is never NotFound.
type Store interface {
	// Get reads a blob and its generation.
	Get(ctx context.Context, name string) (Blob, error)
	// Put writes a blob over a generation and returns the new generation. Generation 0
	// means that there must be no blob of that name.
	Put(ctx context.Context, name string, data []byte, generation int64) (int64, error)
	// Delete removes a generation of a blob.
	Delete(ctx context.Context, name string, generation int64) error
	// List returns the blobs that a query selects, in the order of their names.
	List(ctx context.Context, query Query) ([]Entry, error)
}

// Blob is the content of a name at one generation.
type Blob struct {
	Data       []byte
	Generation int64 // never 0
}

// Entry is a blob in a list, without its content.
type Entry struct {
	Name       string
	Generation int64
	Updated    time.Time // when it was written last, by the store's clock; zero = not known
}

// Query selects blobs by name. Names compare as bytes.
type Query struct {
	Prefix string
	Before string // an upper bound, excluded; "" = none
	Limit  int    // of entries; 0 = none
}
