package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// showHelp prints the help of a command, as wide as the terminal is.
func showHelp(command *cobra.Command, _ []string) {
	text := command.Long
	if text == "" {
		text = command.Short
	}
	text = strings.TrimSpace(text) + "\n\n" + strings.TrimSuffix(command.UsageString(), "\n")
	newScreen(command.OutOrStdout()).print(helpLines(text)...)
}

var (
	helpHeading = regexp.MustCompile(`^[A-Z][A-Za-z ]*:$`)
	// helpColumns are a command or a flag, and what it is.
	helpColumns = regexp.MustCompile(`^( +[a-z][a-z-]* +| +-.*?  +)(\S.*)$`)
)

// helpLines are the lines of a help. Its examples are commands that people copy.
func helpLines(text string) []line {
	lines := textLines(text)
	section := ""
	for i := range lines {
		all := lines[i].lead + lines[i].text
		switch columns := helpColumns.FindStringSubmatch(all); {
		case helpHeading.MatchString(all):
			section, lines[i] = all, line{lead: all, style: bold}
		case section == "Examples:" || section == "Usage:":
			lines[i].whole = true
		case columns != nil && section != "":
			lines[i] = line{lead: columns[1], text: columns[2]}
		}
	}
	return lines
}
