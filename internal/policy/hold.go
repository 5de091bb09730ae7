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

// Holds are the holds of one file, also those that have ended.
type Holds struct{ list []Hold }

// ParseHolds reads a holds file's text: version: 1, and under holds the target,
// until, reason and by of each. No text at all is no holds file.
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

// ReadHolds reads a holds file. Whatever its error, nothing may be written
// while it lasts.
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

// On gives the hold that stops writes to a service at a time, the one that
// lasts longest, nil when there is none. A hold may name the project by its
// number, "" where that is not known.
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

// At lists the holds in force at a time, by name.
func (h Holds) At(at time.Time) []Hold {
	held := slices.DeleteFunc(slices.Clone(h.list), func(hold Hold) bool { return !at.Before(hold.Until) })
	slices.SortFunc(held, func(a, b Hold) int { return strings.Compare(a.Scope.Name(), b.Scope.Name()) })
	return held
}

// Without leaves out the hold of exactly this scope.
func (h Holds) Without(scope posture.Scope) Holds {
	return Holds{slices.DeleteFunc(slices.Clone(h.list), func(hold Hold) bool { return hold.Scope == scope })}
}

// With adds a hold, in place of an earlier one of the same scope.
func (h Holds) With(hold Hold) Holds {
	return Holds{append(h.Without(hold.Scope).list, hold)}
}

// Text is what ParseHolds reads, without the holds that have ended.
func (h Holds) Text(now time.Time) ([]byte, error) {
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

// ChangeHolds changes a holds file in one go: whoever reads it meanwhile reads
// the old one or the new one. A file that is not there is made; one that cannot
// be read is left as it is. Of two changes at the same time one is refused.
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

// EditHolds changes the text of a holds file; no text is no holds yet. One that
// cannot be read is left as it is.
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
	return holds.Text(now)
}
