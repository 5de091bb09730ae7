package memory

import "context"

// Store keeps blobs under names. A write succeeds only over the generation that
// its caller has read, so two writers never overwrite each other unseen.
//
// Errors are classified by package fault: NotFound where there is no blob of
// that name, Conflict where the generation is another, Quota where one blob is
// written too often. A store that is missing itself is never NotFound.
type Store interface {
	// Get reads a blob and its generation.
	Get(ctx context.Context, name string) (Blob, error)
	// Put writes a blob over a generation; 0 = there must be none of that name. It
	// returns the new generation.
	Put(ctx context.Context, name string, data []byte, generation int64) (int64, error)
	// Delete removes a generation of a blob.
	Delete(ctx context.Context, name string, generation int64) error
	// List gives the blobs that a query selects, in the order of their names.
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
}

// Query selects blobs by name. Names are compared as bytes.
type Query struct {
	Prefix string
	Before string // only names before this one; "" = all
	Limit  int    // at most so many; 0 = all
}
