package main

import (
	"math"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/iapguard/iapguard/internal/safetext"
)

// line is one line for a person: a lead, which says what the line is about, and a text,
// which goes on beside the lead where a terminal is too narrow for it.
type line struct {
	lead, text string
	style      style // of the lead
	whole      bool  // the text is never cut into lines: it is a command that people copy
	// hang is the column at which the text goes on; 0 = below its beginning.
	hang int
}

// style is how a terminal shows a lead: the parameter of an SGR control sequence (ECMA-48).
type style string

// The styles.
const (
	plainStyle style = ""
	bold       style = "1"
	dim        style = "2"
	red        style = "31"
	green      style = "32"
	yellow     style = "33"
)

// narrowestScreen is the width that lines are written for on a terminal that has fewer columns.
// In still fewer the terminal itself wraps what it cannot hold.
const narrowestScreen = 20

// rendering is how lines are written: at most so many columns wide, 0 = as long as they
// are, and with or without colour.
type rendering struct {
	width  int
	colour bool
}

// render returns lines as text. It is where text for a person is escaped: whatever the
// lines hold, no character of them controls the terminal. Words are never cut, so that
// names and addresses can be copied.
func (r rendering) render(lines []line) string {
	var b strings.Builder
	for _, each := range lines {
		each.lead, each.text = safetext.Escape(each.lead, math.MaxInt), safetext.Escape(each.text, math.MaxInt)
		if each.whole || r.width == 0 {
			b.WriteString(strings.TrimRight(r.styled(each.lead, each.style)+each.text, " ") + "\n")
			continue
		}
		r.wrap(&b, each)
	}
	return b.String()
}

// wrap writes a text beside its lead, and what does not fit there on further lines.
func (r rendering) wrap(b *strings.Builder, each line) {
	width := max(r.width, narrowestScreen)
	if each.text == "" && runewidth.StringWidth(each.lead) > width {
		each.lead, each.text, each.hang = "", each.lead, 2
	}
	lead := strings.TrimRight(each.lead, " ")
	column, gap := runewidth.StringWidth(lead), len(each.lead)-len(lead) // gap is the blank before the next word
	hang := each.hang
	if hang == 0 {
		hang = column + gap
	}
	hang = min(hang, width/3)
	b.WriteString(r.styled(lead, each.style))
	for _, word := range strings.SplitAfter(each.text, " ") {
		bare := strings.TrimSuffix(word, " ")
		wide := runewidth.StringWidth(bare)
		if wide > 0 && column+gap+wide > width && column > hang {
			b.WriteString("\n")
			column, gap = 0, hang
		}
		if wide > 0 {
			b.WriteString(strings.Repeat(" ", gap) + bare)
			column, gap = column+gap+wide, 0
		}
		gap += len(word) - len(bare)
	}
	b.WriteString("\n")
}

func (r rendering) styled(text string, s style) string {
	words := strings.Trim(text, " ")
	if !r.colour || s == plainStyle || words == "" {
		return text
	}
	before, after, _ := strings.Cut(text, words)
	return before + "\x1b[" + string(s) + "m" + words + "\x1b[0m" + after
}

// plain returns lines as they are written to a file or a pipe.
func plain(lines []line) string { return rendering{}.render(lines) }
