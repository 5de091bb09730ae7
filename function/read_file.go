package function

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/singleflight"
)

// filePatience is how long the file system may take to read a file. A mounted secret can be
// on a network.
const filePatience = 5 * time.Second

// watchedFile is a file that is read again and again. A file system that does not answer
// holds up one read, which later ones join, and none of those who ask.
type watchedFile struct {
	path  string
	clock clockwork.Clock
	reads singleflight.Group

	mu    sync.Mutex
	stuck time.Time // since when a read hangs; zero = none does
}

func newWatchedFile(path string, clock clockwork.Clock) *watchedFile {
	return &watchedFile{path: path, clock: clock}
}

// read returns what the file holds, or an error once it was waited for long enough.
func (f *watchedFile) read() ([]byte, error) {
	timer := f.clock.NewTimer(filePatience)
	defer timer.Stop()
	read := f.reads.DoChan("", func() (any, error) {
		text, err := os.ReadFile(f.path)
		f.note(time.Time{})
		return text, err
	})
	select {
	case result := <-read:
		text, _ := result.Val.([]byte)
		return text, result.Err
	case <-timer.Chan():
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.stuck.IsZero() {
			f.stuck = f.clock.Now().Add(-filePatience)
		}
		return nil, fmt.Errorf("the file system did not answer within %s: look at how %s is mounted", filePatience, f.path)
	}
}

func (f *watchedFile) note(stuck time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stuck = stuck
}

// stuckSince is since when a read of the file hangs, zero = none does.
func (f *watchedFile) stuckSince() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stuck
}
