package report

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/safetext"
)

// MaxSize bounds the data of a report's event, in bytes. Pub/Sub takes 10 MB, and what
// reads reports takes less: a log entry holds 256 KiB (logging/quotas).
const MaxSize = 256 << 10

// LeftOff is how many entries of each list a report leaves off. Of doors, every address
// counts.
type LeftOff struct {
	Advice           int `json:"advice,omitempty"`
	Callers          int `json:"callers,omitempty"`
	Doors            int `json:"doors,omitempty"`
	DoorsBefore      int `json:"doorsBefore,omitempty"`
	Evidence         int `json:"evidence,omitempty"`
	ExpectedAudience int `json:"expectedAudience,omitempty"`
	Findings         int `json:"findings,omitempty"`
	Labels           int `json:"labels,omitempty"`
	Actors           int `json:"actors,omitempty"`
	PassedOver       int `json:"passedOver,omitempty"`
	Steps            int `json:"steps,omitempty"`
	Unread           int `json:"unread,omitempty"`
}

// bounds are how many entries of a list, how many steps and how many runes of a text a
// report holds.
type bounds struct{ entries, steps, text int }

var (
	widest = bounds{entries: 100, steps: 500, text: 2000}
	// narrowest is about 20 KiB without steps.
	narrowest = bounds{entries: 0, steps: 0, text: 100}
)

// narrower are the next bounds to try. Steps are left off last.
func (b bounds) narrower() bounds {
	if b.entries < 10 {
		b.steps /= 2
	}
	return bounds{b.entries / 2, b.steps, max(narrowest.text, b.text/2)}
}

// Bounded is the report as it is published: at most MaxSize, lists cut, the worst doors
// kept, and texts escaped. What is left off is counted. Planned steps of a started report
// are never left off: a plan is carried out in parts that fit. To bound a report twice
// changes nothing.
func (r Report) Bounded() Report {
	for at := widest; ; at = at.narrower() {
		bounded := r.within(at)
		if data, err := bounded.encode(); err != nil || len(data) <= MaxSize || at == narrowest {
			return bounded
		}
	}
}

// Shown is the report with every text escaped, for a person to read.
func (r Report) Shown() Report {
	var cut bool // what a person is shown says so by an ellipsis
	fix := r.fixWithin(widest.text, &cut)
	r = escaper{most: widest.text, cut: &cut}.escaped(reflect.ValueOf(r)).Interface().(Report)
	if r.Contest != nil {
		r.Contest.Fix = fix
	}
	return r
}

// within is the report within bounds. Its texts are escaped, but for those of steps: undo
// needs them as they are, and each is one that Google's APIs accepted.
func (r Report) within(b bounds) Report {
	var off LeftOff
	if r.LeftOff != nil {
		off = *r.LeftOff
	}
	cut := r.Truncated
	steps := r.stepsWithin(b.steps, &off.Steps)
	r.Steps, r.Truncated, r.LeftOff = nil, false, nil
	r.Accessors = firsts(r.Accessors, b.entries, &r.AccessorsLeftOff)
	r.Invokers = firsts(r.Invokers, b.entries, &r.InvokersLeftOff)
	r.Findings = firsts(r.Findings, b.entries, &off.Findings)
	r.Callers = firsts(r.Callers, b.entries, &off.Callers)
	r.ExpectedAudience = firsts(r.ExpectedAudience, b.entries, &off.ExpectedAudience)
	r.Evidence = firsts(r.Evidence, b.entries, &off.Evidence)
	r.Advice = firsts(r.Advice, b.entries, &off.Advice)
	r.Unread = firsts(r.Unread, b.entries, &off.Unread)
	r.Doors = worst(r.Doors, b.entries, &off.Doors)
	r.DoorsBefore = worst(r.DoorsBefore, b.entries, &off.DoorsBefore)
	fix := r.fixWithin(b.text, &cut)
	if r.Contest != nil {
		contest := *r.Contest
		contest.Actors = firsts(contest.Actors, b.entries, &off.Actors)
		r.Contest = &contest
	}
	if r.Policy != nil {
		used := *r.Policy
		used.SkippedRules = firsts(used.SkippedRules, b.entries, &off.PassedOver)
		r.Policy = &used
	}
	if r.Target != nil && len(r.Target.Labels) > b.entries {
		target := *r.Target
		off.Labels += len(target.Labels) - b.entries
		target.Labels = labelsWithin(target.Labels, b.entries)
		r.Target = &target
	}
	if r.Contest != nil {
		r.Contest.Fix = "" // it has bounds of its own
	}
	texts := escaper{most: b.text, cut: &cut}
	r = texts.escaped(reflect.ValueOf(r)).Interface().(Report)
	r.Steps = steps
	if r.Contest != nil {
		r.Contest.Fix = fix
	}
	if off != (LeftOff{}) {
		r.LeftOff = &off
	}
	r.Truncated = cut || r.LeftOff != nil || r.AccessorsLeftOff > 0 || r.InvokersLeftOff > 0
	return r
}

// stepsWithin are the last steps, at most so many. Those that a started report announces
// are there in any case.
func (r Report) stepsWithin(most int, off *int) []Step {
	kept := min(most, len(r.Steps))
	for i, step := range r.Steps {
		if r.Outcome == Started && step.Result == StepPlanned {
			kept = max(kept, len(r.Steps)-i)
		}
	}
	*off += len(r.Steps) - kept
	return r.Steps[len(r.Steps)-kept:]
}

// worst are the doors that let in most, at most so many.
func worst(doors []Door, most int, off *int) []Door {
	if len(doors) <= most {
		return doors
	}
	doors = slices.Clone(doors)
	slices.SortStableFunc(doors, func(a, b Door) int { return cmp.Compare(a.Guard.Risk(), b.Guard.Risk()) })
	for _, one := range doors[most:] {
		*off += max(1, one.Count)
	}
	return doors[:most]
}

func firsts[T any](list []T, most int, off *int) []T {
	if len(list) <= most {
		return list
	}
	*off += len(list) - most
	return list[:most:most]
}

func labelsWithin(labels map[string]string, most int) map[string]string {
	kept := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(labels))[:most] {
		kept[key] = labels[key]
	}
	return kept
}

// fixWithin is the fix of a contest, which is the one text of several lines. It notes
// whether something of it is left off.
func (r Report) fixWithin(text int, cut *bool) string {
	if r.Contest == nil {
		return ""
	}
	var lines []string
	for line := range strings.Lines(r.Contest.Fix) {
		if len(lines) == text/10 {
			*cut = true
			break
		}
		lines = append(lines, escaper{text, cut}.text(strings.TrimSuffix(line, "\n")))
	}
	return strings.Join(lines, "\n")
}

// escaper escapes texts and shortens them to so many runes. It notes whether one was
// shortened.
type escaper struct {
	most int
	cut  *bool
}

func (e escaper) text(text string) string {
	shown := safetext.Escape(text, e.most)
	*e.cut = *e.cut || shown != safetext.Escape(text, math.MaxInt)
	return shown
}

// escaped is a copy of a value with every text in it escaped.
func (e escaper) escaped(value reflect.Value) reflect.Value {
	made := reflect.New(value.Type()).Elem()
	switch kind := value.Kind(); {
	case kind == reflect.String:
		made.SetString(e.text(value.String()))
	case kind == reflect.Pointer && !value.IsNil():
		made.Set(reflect.New(value.Type().Elem()))
		made.Elem().Set(e.escaped(value.Elem()))
	case kind == reflect.Struct && value.Type() != reflect.TypeFor[time.Time]():
		for i := range value.NumField() {
			made.Field(i).Set(e.escaped(value.Field(i)))
		}
	case kind == reflect.Slice && !value.IsNil() && value.Type() != reflect.TypeFor[json.RawMessage]():
		made.Set(reflect.MakeSlice(value.Type(), value.Len(), value.Len()))
		for i := range value.Len() {
			made.Index(i).Set(e.escaped(value.Index(i)))
		}
	case kind == reflect.Map && !value.IsNil():
		made.Set(reflect.MakeMap(value.Type()))
		for key, each := range value.Seq2() {
			made.SetMapIndex(e.escaped(key), e.escaped(each))
		}
	default:
		made.Set(value)
	}
	return made
}
