package main

import (
	"io"
	"os"
	"strconv"
	"unicode/utf8"

	"golang.org/x/term"
)

// The widths of a page: what is not a terminal has none, and no terminal is taken for narrower
// than narrowest.
const narrowest = 40

// widthOf is how many columns a line may have, 0 = any number. COLUMNS says it where the output
// goes elsewhere than to a terminal.
func widthOf(out io.Writer) int {
	width := 0
	if wrapped, ok := out.(*output); ok {
		out = wrapped.to
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		width, _, _ = term.GetSize(int(file.Fd())) // 0 where it is not known
	} else if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil {
		width = columns
	}
	if width <= 0 {
		return 0
	}
	return max(width, narrowest)
}

// fit cuts a line to a width. What comes from outside has no wide and no control characters any more: see
// package safetext.
func fit(line string, width int) string {
	if width == 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	runes := []rune(line)
	return string(runes[:width-1]) + "…"
}
