package main

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/iapguard/iapguard/internal/safetext"
)

// line is one line for a person: a lead, which says what the line is about, and a text,
// which goes on beside the lead where a terminal is too narrow for it.
type line struct {
	lead, text string
	style      style // of the lead
	whole      bool  // the command that the text is, or ends in, is never cut into lines: people copy it
	// hang is the column at which the text goes on; 0 = below its beginning.
	hang int
}

// textLine is a line of text without a lead. What begins with blanks keeps them.
func textLine(format string, args ...any) line {
	text := fmt.Sprintf(format, args...)
	bare := strings.TrimLeft(text, " ")
	indent := len(text) - len(bare)
	return line{lead: text[:indent], text: bare, hang: indent + 2}
}

// textLines are the lines of a text.
func textLines(text string) []line {
	var lines []line
	for each := range strings.SplitSeq(text, "\n") {
		lines = append(lines, textLine("%s", each))
	}
	return lines
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
// are, with or without colour, and with or without hyperlinks.
type rendering struct {
	width         int
	colour, links bool
}

// render returns lines as text. It is where text for a person is escaped: whatever the
// lines hold, no character of them controls the terminal. Words are never cut, so that
// names and addresses can be copied.
func (r rendering) render(lines []line) string {
	var b strings.Builder
	for _, each := range lines {
		each.lead, each.text = safetext.Escape(each.lead, math.MaxInt), safetext.Escape(each.text, math.MaxInt)
		if r.width == 0 || each.lead == "" && each.text == "" {
			b.WriteString(strings.TrimRight(r.styled(each.lead, each.style)+r.linked(each.text), " ") + "\n")
			continue
		}
		r.wrap(&b, each)
	}
	return b.String()
}

// commandIn finds where the command at the end of a text begins.
var commandIn = regexp.MustCompile(`(?:^|: )((?:gcloud|iapguard|terraform|kubectl|curl) )`)

// parts are the words of a text that may be cut into lines, and the command that may not.
func (l line) parts() (prose, command string) {
	at := commandIn.FindStringSubmatchIndex(l.text)
	if !l.whole || at == nil {
		return l.text, ""
	}
	return l.text[:at[2]], l.text[at[2]:]
}

// wrap writes a text beside its lead, and what does not fit there on further lines.
func (r rendering) wrap(b *strings.Builder, each line) {
	width := max(r.width, narrowestScreen)
	lead := strings.TrimRight(each.lead, " ")
	column, gap := runewidth.StringWidth(lead), len(each.lead)-len(lead) // gap is the blank before the next word
	hang, styled := each.hang, 0
	if hang == 0 {
		hang = column + gap
	}
	prose, command := each.parts()
	words := append(strings.SplitAfter(prose, " "), command)
	if column > width { // the lead is cut into lines too
		own := strings.SplitAfter(each.lead, " ")
		words, styled, column, gap, lead = append(own, words...), len(own), 0, 0, ""
	}
	hang = min(hang, width/3)
	b.WriteString(r.styled(lead, each.style))
	for i, word := range words {
		bare := strings.TrimSuffix(word, " ")
		wide := runewidth.StringWidth(bare)
		if wide > 0 && column+gap+wide > width && column > hang {
			b.WriteString("\n")
			column, gap = 0, hang
		}
		if wide > 0 {
			b.WriteString(strings.Repeat(" ", gap))
			if i < styled {
				b.WriteString(r.styled(bare, each.style))
			} else {
				b.WriteString(r.linked(bare))
			}
			column, gap = column+gap+wide, 0
		}
		gap += len(word) - len(bare)
	}
	b.WriteString("\n")
}

func (r rendering) styled(text string, s style) string {
	words := strings.Trim(text, " ")
	if words == "" {
		return text
	}
	before, after, _ := strings.Cut(text, words)
	words = r.linked(words)
	if r.colour && s != plainStyle {
		words = "\x1b[" + string(s) + "m" + words + "\x1b[0m"
	}
	return before + words + after
}

// plain returns lines as they are written to a file or a pipe.
func plain(lines []line) string { return rendering{}.render(lines) }
