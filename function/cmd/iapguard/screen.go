package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// screen is where a command writes text for a person.
type screen struct {
	io.Writer
	rendering
}

// newScreen is the screen that a writer leads to.
func newScreen(out io.Writer) screen {
	width := 0
	if file := terminalBehind(out); file != nil {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			width = max(columns, narrowestScreen)
		}
	}
	return screen{out, rendering{width, showsColour(os.Getenv, terminalBehind(out) != nil)}}
}

// print writes lines. What cannot be written is noted by the writer: see output.
func (s screen) print(lines ...line) { _, _ = io.WriteString(s, s.render(lines)) }

// terminalBehind is the terminal that a writer or a reader is, nil where it is something else.
func terminalBehind(end any) *os.File {
	if o, ok := end.(*output); ok {
		end = o.to
	}
	if file, ok := end.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// showsColour reports whether text has colour, by what terminals and programs have agreed
// on: see no-color.org and bixense.com/clicolors.
func showsColour(env func(string) string, terminal bool) bool {
	switch force := env("CLICOLOR_FORCE"); {
	case env("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && env("TERM") != "dumb" && env("CLICOLOR") != "0"
}
