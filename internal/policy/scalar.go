package policy

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/strictyaml"
)

// choice reads one of a few words.
func choice[T ~string](r *reader, what string, into *T, allowed ...T) func(*yaml.Node) {
	words := make([]string, 0, len(allowed))
	for _, one := range allowed {
		words = append(words, string(one))
	}
	return func(n *yaml.Node) {
		value, ok := stringOf(n)
		for _, one := range allowed {
			if ok && T(value) == one {
				*into = one
				return
			}
		}
		r.complain(n, "%s is %.60q: write %s", what, shown(n), strings.Join(words, ", "))
	}
}

// duration reads a time like 30s or 2m.
func (r *reader) duration(what string, most time.Duration, into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, ok := stringOf(n)
		d, err := time.ParseDuration(value)
		if !ok || err != nil || d < 0 || d > most {
			r.complain(n, "%s is %.60q: write a time from 0s to %s", what, shown(n), most)
			return
		}
		*into = d
	}
}

// number reads a whole number from 1 on.
func (r *reader) number(what string, most int, into *int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		number, err := strconv.Atoi(n.Value)
		if n.Tag != "!!int" || err != nil || strconv.Itoa(number) != n.Value || number < 1 || number > most {
			r.complain(n, "%s is %.60q: write a number from 1 to %d", what, shown(n), most)
			return
		}
		*into = number
	}
}

// days reads a number of days, like 30d.
func (r *reader) days(what string, into *time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, _ := stringOf(n)
		number, ok := strings.CutSuffix(value, "d")
		days, err := strconv.Atoi(number)
		if !ok || err != nil || days < 1 || days > mostDays {
			r.complain(n, "%s is %.60q: write a number of days from 1d to %dd", what, shown(n), mostDays)
			return
		}
		*into = time.Duration(days) * 24 * time.Hour
	}
}

// mostDays is ten years, which no exemption should need.
const mostDays = 3660

// date reads a day, which stands for its beginning in UTC, or a time.
func (r *reader) date(what string, into *time.Time) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, ok := stringOf(n)
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			if t, err := time.Parse(layout, value); ok && err == nil {
				*into = t.UTC()
				return
			}
		}
		r.complain(n, "%s is %.60q: write a date like 2026-12-31, or a time like 2026-12-31T08:00:00Z", what, shown(n))
	}
}

// lastDay reads a day that still counts, or a time.
func (r *reader) lastDay(what string, into *time.Time) func(*yaml.Node) {
	read := r.date(what, into)
	return func(n *yaml.Node) {
		read(n)
		if _, err := time.Parse(time.DateOnly, shown(n)); err == nil {
			*into = into.AddDate(0, 0, 1)
		}
	}
}

// folders reads a list of folders.
func (r *reader) folders(into *[]string) func(*yaml.Node) {
	return r.list("match.folders", func(n *yaml.Node) {
		value, ok := stringOf(n)
		if !ok || !folderText.MatchString(value) {
			r.complain(n, "match.folders: %.60q is not a folder: write one like folders/123456789012", shown(n))
			return
		}
		*into = append(*into, value)
	})
}

var folderText = regexp.MustCompile(`^folders/[1-9][0-9]{0,18}$`)

// labels reads a mapping of labels to exact values or globs, at least one.
func (r *reader) labels(into *map[string]pattern) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			r.complain(n, "match.labels must be a mapping: write {label: value}")
			return
		}
		*into = map[string]pattern{}
		for at, entry := range strictyaml.Pairs(n) {
			key := at.Value
			value, isText := stringOf(entry)
			switch {
			case !labelKey.MatchString(key):
				r.complain(at, "match.labels: %.60q is not a label: write lower-case letters, digits, - and _, a letter first", key)
			case !isText || !labelValue.MatchString(value):
				r.complain(entry,
					"match.labels: %.60q is not a value or a pattern: write lower-case letters, digits, -, _ and *, in quotes",
					shown(entry))
			default:
				(*into)[key] = pattern(value)
			}
		}
		if len(*into) == 0 {
			r.complain(n, "match.labels is empty: write {label: value}, or leave it out")
		}
	}
}

// Labels and their values. Source: run/docs/configuring/services/labels; letters
// of other scripts, which Google allows too, are not read.
var (
	labelKey   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[a-z0-9_*-]{1,63}$`)
)

// patterns reads a list of names or globs.
func (r *reader) patterns(what string, into *[]pattern) func(*yaml.Node) {
	return r.list(what, func(n *yaml.Node) {
		value, ok := stringOf(n)
		switch {
		case !ok:
			r.complain(n, "%s: %.60q must be text: write it in quotes", what, shown(n))
		case !patternText.MatchString(value):
			r.complain(n, "%s: %.60q is not a name or a pattern: use lower-case letters, digits, hyphens and *", what, value)
		default:
			*into = append(*into, pattern(value))
		}
	})
}
