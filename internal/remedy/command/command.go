// Package command builds the gcloud commands that remedies name. A command is a
// list of arguments until it is printed, and printing quotes it for a POSIX
// shell: names and addresses in it come from tenants and strangers.
//
// Every command that a report, the doctor or the terminal can name is built
// here. A test has the real gcloud parse each of them.
package command

import (
	"regexp"
	"strings"
)

// Command is one gcloud command. The zero value is gcloud without arguments.
type Command struct{ arguments []argument }

// argument is a word, or a flag whose value is the output of another command.
type argument struct {
	flag   string // with the leading hyphens, "" = a word of its own
	value  string
	output *Command
}

// gcloud begins a command with words as they are.
func gcloud(words ...string) Command {
	var c Command
	for _, word := range words {
		c.arguments = append(c.arguments, argument{value: word})
	}
	return c
}

func (c Command) with(a argument) Command {
	c.arguments = append(c.arguments[:len(c.arguments):len(c.arguments)], a)
	return c
}

// word adds words.
func (c Command) word(words ...string) Command {
	for _, word := range words {
		c = c.with(argument{value: word})
	}
	return c
}

// Flag adds --name=value.
func (c Command) Flag(name, value string) Command {
	return c.with(argument{flag: "--" + name, value: value})
}

// output adds a flag whose value is what another command prints.
func (c Command) output(name string, of Command) Command {
	return c.with(argument{flag: "--" + name, output: &of})
}

// Project adds the project's flag, nothing where the project is not known.
func (c Command) Project(project string) Command {
	if project == "" {
		return c
	}
	return c.Flag("project", project)
}

// String is the command as a line that a POSIX shell reads back as the very
// same arguments.
func (c Command) String() string {
	words := []string{"gcloud"}
	for _, a := range c.arguments {
		text := quote(a.value)
		if a.output != nil {
			text = `"$(` + a.output.String() + `)"`
		}
		if a.flag != "" {
			text = a.flag + "=" + text
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// Arguments are those of the command, without gcloud itself. output says what
// stands for the output of a command within.
func (c Command) Arguments(output string) []string {
	var words []string
	for _, a := range c.arguments {
		text := a.value
		if a.output != nil {
			text = output
		}
		if a.flag != "" {
			text = a.flag + "=" + text
		}
		words = append(words, text)
	}
	return words
}

// plain is a word that a POSIX shell takes as it is.
var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

func quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
