package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// screen is where a command writes text for a person.
type screen struct {
	io.Writer
	rendering
}

// newScreen is the screen that a writer leads to.
func newScreen(out io.Writer) screen {
	shown, terminal := rendering{}, terminalBehind(out)
	if terminal != nil {
		if columns, _, err := term.GetSize(int(terminal.Fd())); err == nil && columns > 0 {
			shown.width = max(columns, narrowestScreen)
		}
		o, ok := out.(*output)
		shown.links = ok && o.links && showsLinks(os.Getenv)
	}
	shown.colour = showsColour(os.Getenv, terminal != nil)
	return screen{out, shown}
}

// print writes lines. What cannot be written is noted by the writer: see output.
func (s screen) print(lines ...line) { _, _ = io.WriteString(s, s.render(lines)) }

// printf writes one line of text.
func (s screen) printf(format string, args ...any) { s.print(textLine(format, args...)) }

// note says on standard error what a person should know beside the result.
func note(stderr io.Writer, format string, args ...any) {
	newScreen(stderr).print(line{lead: "iapguard: ", text: fmt.Sprintf(format, args...), style: yellow, hang: 2})
}

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

// showsLinks reports whether a terminal shows hyperlinks (OSC 8). No terminal says so itself, so
// those that do are known by name, as cargo and npm know them: FORCE_HYPERLINK overrides the
// list. A multiplexer passes its outer terminal's variables on, and may show none.
func showsLinks(env func(string) string) bool {
	kind := env("TERM")
	switch force := env("FORCE_HYPERLINK"); {
	case env("NO_COLOR") != "" || kind == "dumb":
		return false
	case force != "":
		return force != "0"
	case env("TMUX") != "" || env("STY") != "" || strings.HasPrefix(kind, "screen") || strings.HasPrefix(kind, "tmux"):
		return false
	}
	if version := env("VTE_VERSION"); len(version) >= 4 && version > "5000" { // 0.50.0 itself crashes
		return true
	}
	switch env("TERM_PROGRAM") {
	case "Hyper", "iTerm.app", "terminology", "WezTerm", "vscode", "ghostty", "zed":
		return true
	}
	switch kind {
	case "xterm-kitty", "alacritty", "alacritty-direct", "foot", "foot-extra", "xterm-ghostty", "wezterm":
		return true
	}
	return env("WT_SESSION") != "" || env("KONSOLE_VERSION") != "" || env("DOMTERM") != ""
}

// allowLinks has the output of a command link names to Google's console, but for a command that
// talks to a local cloud: the console knows nothing of its services.
func allowLinks(command *cobra.Command) {
	endpoint := os.Getenv("IAPGUARD_ENDPOINT")
	if flag := command.Flags().Lookup("endpoint"); flag != nil && flag.Changed {
		endpoint = flag.Value.String()
	}
	at, err := url.Parse(endpoint)
	google := endpoint == "" || err == nil && !isLoopback(at.Hostname())
	for _, out := range []io.Writer{command.OutOrStdout(), command.ErrOrStderr()} {
		if o, ok := out.(*output); ok {
			o.links = google
		}
	}
}
