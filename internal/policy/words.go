package policy

import (
	"fmt"
	"strings"
	"time"
)

// InWords returns a duration in words: "2 minutes", "1 hour 30 minutes",
// "1.5 seconds".
func InWords(d time.Duration) string {
	if d < time.Minute {
		return counted(d.Seconds(), "second")
	}
	var words []string
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / unit.length; n > 0 {
			words = append(words, counted(float64(n), unit.name))
			d -= n * unit.length
		}
	}
	return strings.Join(words, " ")
}

func counted(n float64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%g %ss", n, unit)
}
