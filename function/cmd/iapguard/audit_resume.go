package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/posture"
)

// keptFor is how long a row counts that an earlier run read. An audit that goes on says as of when
// each of its rows is; older ones are read anew.
const keptFor = time.Hour

// keptAudit is the file of --resume: one line that says which audit it is of, and one for each service
// that was read. A service is in it as soon as it was read, so a run that is killed leaves what it has.
// The run that reads everything takes the file away.
type keptAudit struct {
	name string
	of   auditIdentity
	rows map[string]keptRow // by the service that was asked for

	mu   sync.Mutex
	file *os.File
	err  error // of the first write that failed
}

// auditIdentity says which rows count in an audit: those that were read for the same targets, by the
// same rules, in the same way.
type auditIdentity struct {
	Scope     []string `json:"scope"`
	Policy    string   `json:"policy"`
	Version   string   `json:"version"`
	Context   string   `json:"context,omitempty"`
	Principal string   `json:"principal,omitempty"`
	Endpoint  string   `json:"endpoint,omitempty"`
	Inventory string   `json:"inventory"`
}

// keptLine is a line of the file: the first has Audit, each other one a row.
type keptLine struct {
	Audit *auditIdentity `json:"iapguardAudit,omitempty"`
	keptRow
}

// keptRow is what was read of a service.
type keptRow struct {
	Target string    `json:"target,omitempty"`
	ReadAt time.Time `json:"readAt,omitzero"`
	Row    *audited  `json:"row,omitempty"`
}

// openKept opens the file of --resume, or makes it. What it has of an audit of the same targets counts
// where all else is the same too, and is otherwise left off; anew says why.
func openKept(name string, of auditIdentity, now time.Time) (kept *keptAudit, anew string, err error) {
	of.Scope = slices.Sorted(slices.Values(of.Scope))
	kept = &keptAudit{name: name, of: of, rows: map[string]keptRow{}}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) // it names services and members
	if err != nil {
		return nil, "", usageError{fmt.Errorf("opening --resume: %w", err)}
	}
	kept.file = file
	end, anew, err := kept.read(now)
	if err == nil {
		err = file.Truncate(end) // a line that was written in part
	}
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, "", errors.Join(usageError{fmt.Errorf("reading --resume: %w", err)}, file.Close())
	}
	if end == 0 {
		kept.write(keptLine{Audit: &of})
	}
	return kept, anew, nil
}

// read reads the file to the end of its last whole line that counts.
func (k *keptAudit) read(now time.Time) (end int64, anew string, err error) {
	lines := bufio.NewReader(k.file)
	for first := true; ; first = false {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && (!first || len(text) == 0) {
			return end, "", nil
		}
		var one keptLine
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, "", err
		}
		bad := json.Unmarshal(text, &one)
		if first {
			if bad != nil || one.Audit == nil {
				return 0, "", fmt.Errorf("%s is not what an audit keeps: name another file", k.name)
			}
			if anew, err = k.differs(*one.Audit); anew != "" || err != nil {
				return 0, anew, err
			}
		} else if bad != nil || one.Row == nil {
			return end, "", nil // what follows is read anew
		}
		end += int64(len(text))
		if age := now.Sub(one.ReadAt); one.Row != nil && age >= 0 && age < keptFor {
			k.rows[one.Target] = one.keptRow
		}
	}
}

// differs says why nothing counts of what the file keeps, "" = it does. Of other targets it is an error.
func (k *keptAudit) differs(kept auditIdentity) (anew string, err error) {
	if !slices.Equal(kept.Scope, k.of.Scope) {
		return "", fmt.Errorf("%s is of an audit of %s: name another file", k.name, posture.Shown(strings.Join(kept.Scope, " ")))
	}
	for _, each := range []struct{ what, kept, now string }{
		{"policy", kept.Policy, k.of.Policy}, {"version of iapguard", kept.Version, k.of.Version},
		{"context", kept.Context, k.of.Context}, {"account", kept.Principal, k.of.Principal},
		{"endpoint", kept.Endpoint, k.of.Endpoint}, {"--inventory", kept.Inventory, k.of.Inventory},
	} {
		if each.kept != each.now {
			return fmt.Sprintf("the %s was %s", each.what, posture.Quote(each.kept)), nil
		}
	}
	return "", nil
}

// row is what an earlier run read of a service, with as of when that is.
func (k *keptAudit) row(target posture.Target) (row audited, ok bool) {
	if k == nil {
		return row, false
	}
	one, ok := k.rows[target.Name()]
	if !ok {
		return row, false
	}
	row = *one.Row
	read := &asOf{one.ReadAt, byEarlierRun}
	if row.AsOf != nil && row.AsOf.At.Before(read.At) {
		read.At = row.AsOf.At
	}
	row.AsOf = read
	return row, true
}

// keep keeps what was read of a service now, unless something of it has to be read anew.
func (k *keptAudit) keep(target posture.Target, row audited, at time.Time) {
	if k != nil && row.notRead() == "" {
		k.write(keptLine{keptRow: keptRow{target.Name(), at.UTC(), &row}})
	}
}

func (k *keptAudit) write(one keptLine) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var text bytes.Buffer
	err := json.NewEncoder(&text).Encode(one)
	if err == nil && k.err == nil {
		_, err = k.file.Write(text.Bytes()) // in one call, so that at most the last line is not whole
	}
	if k.err == nil {
		k.err = err
	}
}

// end closes the file, and takes it away where nothing is left to be read.
func (k *keptAudit) end(whole bool) error {
	if k == nil {
		return nil
	}
	err := errors.Join(k.err, k.file.Close())
	if err == nil && whole {
		err = os.Remove(k.name)
	}
	if err != nil {
		return fmt.Errorf("writing --resume: %w", err)
	}
	return nil
}
