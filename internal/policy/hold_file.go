package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// Without returns the holds but those of exactly this name.
func (h Holds) Without(name string) Holds {
	return Holds{slices.DeleteFunc(slices.Clone(h.list), func(hold Hold) bool { return hold.Name() == name })}
}

// With returns the holds with one more, which replaces earlier ones of the same name.
func (h Holds) With(hold Hold) Holds {
	return Holds{append(h.Without(hold.Name()).list, hold)}
}

// following returns holds as they are stored after an earlier state: new ones begin now, and
// what was taken out ended, at the latest, now. What a scope was held for counts under the
// bound of 14 days in 30.
func (h Holds) following(before Holds, now time.Time) Holds {
	now = now.UTC().Truncate(time.Second)
	list := slices.Clone(h.list)
	for i, hold := range list {
		if hold.Since.IsZero() && hold.Line == 0 {
			list[i].Since = now
		}
	}
	for _, hold := range before.list {
		if slices.Contains(list, hold) || hold.Since.IsZero() {
			continue
		}
		if hold.Until.After(now) {
			hold.Until = now
		}
		list = append(list, hold)
	}
	return Holds{list}
}

// text returns the holds as ParseHolds reads them, without those that ended so long ago that
// they count no more.
func (h Holds) text(now time.Time) ([]byte, error) {
	type entry struct {
		Target string `yaml:"target"`
		Since  string `yaml:"since,omitempty"`
		Until  string `yaml:"until"`
		Reason string `yaml:"reason"`
		By     string `yaml:"by"`
	}
	var file struct {
		Version int     `yaml:"version"`
		Holds   []entry `yaml:"holds,omitempty"`
	}
	file.Version = 1
	for _, hold := range h.kept(now) {
		since := ""
		if !hold.Since.IsZero() {
			since = hold.Since.UTC().Format(time.RFC3339)
		}
		file.Holds = append(file.Holds, entry{hold.Name(), since, hold.Until.UTC().Format(time.RFC3339), hold.Reason, hold.By})
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

// kept are the holds that a file keeps: those in force, and those that ended within 30 days
// and are known to have held something.
func (h Holds) kept(now time.Time) []Hold {
	return slices.DeleteFunc(h.At(time.Time{}), func(hold Hold) bool {
		if hold.Since.IsZero() || !hold.Since.Before(hold.Until) {
			return !now.Before(hold.Until)
		}
		return !now.Add(-heldWithin).Before(hold.Until)
	})
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

func edited(before Holds, now time.Time, change func(Holds) (Holds, error)) ([]byte, error) {
	holds, err := change(before)
	if err != nil {
		return nil, err
	}
	return holds.following(before, now).text(now)
}
