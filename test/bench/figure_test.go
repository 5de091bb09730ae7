package bench

import (
	"fmt"
	"slices"
	"time"
)

// figure is what was measured several times.
type figure []float64

// add adds one more.
func (f *figure) add(value float64) { *f = append(*f, value) }

func (f *figure) addTime(d time.Duration) { f.add(d.Seconds() * 1000) }

// median is the middle one of them.
func (f figure) median() float64 {
	if len(f) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f))
	if middle := len(sorted) / 2; len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	} else {
		return sorted[middle]
	}
}

// in is the figure with its least and its greatest value.
func (f figure) in(unit string) string {
	if len(f) == 0 {
		return "not measured"
	}
	if len(f) == 1 {
		return number(f[0]) + unit
	}
	return fmt.Sprintf("%s%s (%s–%s)", number(f.median()), unit, number(slices.Min(f)), number(slices.Max(f)))
}

// number is a number with three digits that count.
func number(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

// over are the ratios of figures that were measured in turn.
func (f figure) over(base figure) (ratios figure) {
	for i := range min(len(f), len(base)) {
		ratios.add(f[i] / base[i])
	}
	return ratios
}
