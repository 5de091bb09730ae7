package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// Holds is the content of a holds file, with the holds that have ended.
type Holds struct{ list []Hold }

// ParseHolds reads the text of a holds file: version: 1, and under holds the
// target, until, reason and by of each. An empty text is an error.
func ParseHolds(text []byte) (Holds, error) {
	r, holds := &reader{}, Holds{}
	body, err := r.document(text)
	if err != nil {
		return holds, err
	}
	if body == nil {
		return holds, errors.New("the holds file is empty: write version: 1")
	}
	r.mapping(body, "the holds file", keys{
		"version": r.one,
		"holds":   r.entries("holds", func(n *yaml.Node) { holds.list = append(holds.list, r.hold(n)) }),
	}, "version")
	return holds, errors.Join(r.problems...)
}

func (r *reader) hold(n *yaml.Node) Hold {
	var read Hold
	r.mapping(n, "a hold", keys{
		"target": func(n *yaml.Node) {
			var name string
			r.text("target", &name)(n)
			scope, err := posture.ParseScope(name)
			if name != "" && err != nil {
				r.complain(n, "%v", err)
			}
			read.Scope = scope
		},
		"until":  r.lastDay("until", &read.Until),
		"reason": r.text("reason", &read.Reason),
		"by":     r.text("by", &read.By),
	}, "target", "until", "reason", "by")
	return read
}

// ReadHolds reads a holds file. While it returns an error, the caller must not
// write to any service.
func ReadHolds(name string) (Holds, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Holds{}, fmt.Errorf("reading holds: %w", err)
	}
	holds, err := ParseHolds(text)
	if err != nil {
		return Holds{}, fmt.Errorf("reading holds %s: %w", name, err)
	}
	return holds, nil
}

// On returns the hold that stops writes to a service at a time, the longest if
// several do, or nil. A hold may name the project by its number; projectNumber is
// "" where that is not known.
func (h Holds) On(target posture.Target, projectNumber string, at time.Time) *Hold {
	var longest *Hold
	for _, hold := range h.list {
		scope := hold.Scope
		covers := (scope.Project == target.Project || scope.Project == projectNumber) &&
			(scope.Location == "" || scope.Location == target.Location) &&
			(scope.Service == "" || scope.Service == target.Service)
		if covers && at.Before(hold.Until) && (longest == nil || hold.Until.After(longest.Until)) {
			longest = &hold
		}
	}
	return longest
}

// At returns the holds in force at a time, sorted by the names of their scopes.
func (h Holds) At(at time.Time) []Hold {
	held := slices.DeleteFunc(slices.Clone(h.list), func(hold Hold) bool { return !at.Before(hold.Until) })
	slices.SortFunc(held, func(a, b Hold) int { return strings.Compare(a.Scope.Name(), b.Scope.Name()) })
	return held
}

// Without returns the holds but the one of exactly this scope.
func (h Holds) Without(scope posture.Scope) Holds {
	return Holds{slices.DeleteFunc(slices.Clone(h.list), func(hold Hold) bool { return hold.Scope == scope })}
}

// With returns the holds with one more, which replaces an earlier one of the same
// scope.
func (h Holds) With(hold Hold) Holds {
	return Holds{append(h.Without(hold.Scope).list, hold)}
}

// text returns the holds as ParseHolds reads them, without those that have ended.
func (h Holds) text(now time.Time) ([]byte, error) {
	type entry struct {
		Target string `yaml:"target"`
		Until  string `yaml:"until"`
		Reason string `yaml:"reason"`
		By     string `yaml:"by"`
	}
	var file struct {
		Version int     `yaml:"version"`
		Holds   []entry `yaml:"holds,omitempty"`
	}
	file.Version = 1
	for _, hold := range h.At(now) {
		file.Holds = append(file.Holds, entry{hold.Scope.Name(), hold.Until.UTC().Format(time.RFC3339), hold.Reason, hold.By})
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		return nil, fmt.Errorf("writing holds: %w", err)
	}
	if _, err := ParseHolds(text); err != nil {
		return nil, fmt.Errorf("writing holds: %w", err)
	}
	return text, nil
}

// ChangeHolds changes a holds file atomically: a concurrent reader sees the old
// content or the new one. It creates a missing file, leaves one that cannot be
// read as it is, and refuses one of two changes at the same time.
func ChangeHolds(name string, now time.Time, change func(Holds) (Holds, error)) error {
	next := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".next")
	file, err := os.OpenFile(next, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) // the function reads it as another user
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("changing holds: somebody else is changing them; if nobody is, remove %s: %w", next, err)
	} else if err != nil {
		return fmt.Errorf("changing holds: %w", err)
	}
	defer os.Remove(next) // it is gone already when all went well
	text, err := changed(name, now, change)
	if err == nil {
		_, err = file.Write(text)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, name); err != nil {
		return fmt.Errorf("changing holds: %w", err)
	}
	return nil
}

func changed(name string, now time.Time, change func(Holds) (Holds, error)) ([]byte, error) {
	holds, err := ReadHolds(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return edited(holds, now, change)
}

// EditHolds returns the changed text of a holds file. A nil text stands for a file
// without holds; one that cannot be read is an error.
func EditHolds(text []byte, now time.Time, change func(Holds) (Holds, error)) ([]byte, error) {
	var holds Holds
	if text != nil {
		var err error
		if holds, err = ParseHolds(text); err != nil {
			return nil, err
		}
	}
	return edited(holds, now, change)
}

func edited(holds Holds, now time.Time, change func(Holds) (Holds, error)) ([]byte, error) {
	holds, err := change(holds)
	if err != nil {
		return nil, err
	}
	return holds.text(now)
}
