package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/internal/report"
)

// recorder keeps the evidence of an apply: it writes each report, the started one
// first, to the file of -o and to the reports topic, where these are set.
type recorder struct {
	file  *outputFile // nil without -o
	topic reconcile.Publisher

	mu   sync.Mutex
	last []report.Report // the last report of each run
}

func (r *recorder) Publish(ctx context.Context, published report.Report) error {
	if r.file != nil {
		if err := json.NewEncoder(r.file).Encode(published); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	r.remember(published)
	if r.topic != nil {
		return r.topic.Publish(ctx, published)
	}
	return nil
}

// lost is why the file of -o lacks a report, nil where it lacks none.
func (r *recorder) lost() error {
	if r.file == nil {
		return nil
	}
	return r.file.err
}

func (r *recorder) remember(published report.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(known report.Report) bool { return known.RunID == published.RunID }
	if at := slices.IndexFunc(r.last, same); at >= 0 {
		r.last[at] = published
		return
	}
	r.last = append(r.last, published)
}

// runs are the ids of the runs that were to write.
func (r *recorder) runs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, each := range r.last {
		if len(each.Steps) > 0 {
			ids = append(ids, each.RunID)
		}
	}
	return ids
}

// save keeps the last report of each run in a file of its own, from which they can be
// undone, and returns its name.
func (r *recorder) save() (name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name = "iapguard-undo-" + time.Now().UTC().Format("20060102T150405Z") + ".json"
	file, err := createOutput(name)
	if err != nil { // the folder may be read-only
		name = filepath.Join(os.TempDir(), name)
		if file, err = createOutput(name); err != nil {
			return "", err
		}
	}
	for _, each := range r.last {
		_ = json.NewEncoder(file).Encode(each) // Close returns its error
	}
	return name, file.Close()
}
