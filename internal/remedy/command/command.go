// Package command builds the gcloud commands that remedies name. A command is a
// list of arguments until it is printed, and printing quotes it for a POSIX
// shell: names and addresses in it come from tenants and strangers.
//
// Every command that a report, the doctor or the terminal can name is built
// here, in one file a subject. Package commandtest has a sample of each, and a
// test has the real gcloud parse them. Facts about flags are gcloud's own, of
// the release that this test runs.
package command

import (
	"regexp"
	"slices"
	"strings"
)

// Words that stand for what a person fills in.
const (
	Account = "ACCOUNT"    // a service account
	Member  = "MEMBER"     // a member of an IAM policy
	Visitor = "user:EMAIL" // a member who opens a page
	Client  = "ID"         // an OAuth client
)

// name stands for the name of a resource that no name can be.
const name = "NAME"

// Command is one gcloud command. The zero value is gcloud without arguments.
type Command struct{ arguments []argument }

// argument is a word, or a flag whose value is the output of another command.
type argument struct {
	flag   string // with the leading hyphens, "" = a word of its own
	value  string
	bare   bool // a flag without a value
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
	c.arguments = append(slices.Clip(c.arguments), a)
	return c
}

// named adds the name of a resource. No API gives a resource a name that begins
// with a hyphen; gcloud would take such a word for a flag.
func (c Command) named(word string) Command {
	if word == "" || strings.HasPrefix(word, "-") {
		word = name
	}
	return c.with(argument{value: word})
}

// flag adds --name=value.
func (c Command) flag(name, value string) Command {
	return c.with(argument{flag: "--" + name, value: value})
}

// on adds --name.
func (c Command) on(name string) Command {
	return c.with(argument{flag: "--" + name, bare: true})
}

// output adds a flag whose value is what another command prints.
func (c Command) output(name string, of Command) Command {
	return c.with(argument{flag: "--" + name, output: &of})
}

// project adds the project's flag, nothing where the project is not known.
func (c Command) project(project string) Command {
	if project == "" {
		return c
	}
	return c.flag("project", project)
}

// pair is a key and its value in a flag that takes several.
type pair struct{ key, value string }

// pairs adds --name=KEY=VALUE,KEY=VALUE. Where a value has a comma in it,
// another separator is declared. Source: gcloud topic escaping.
func (c Command) pairs(name string, pairs ...pair) Command {
	var list []string
	for _, p := range pairs {
		list = append(list, p.key+"="+p.value)
	}
	for _, separator := range []string{",", ";", "|", "~"} {
		joined := strings.Join(list, separator)
		switch {
		case !slices.Equal(list, strings.Split(joined, separator)):
			continue
		case separator == ",":
			return c.flag(name, joined)
		}
		return c.flag(name, "^"+separator+"^"+joined)
	}
	return c.flag(name, "...") // for a person to write
}

// String is the command as a line that a POSIX shell reads back as the very
// same arguments.
func (c Command) String() string {
	words := []string{"gcloud"}
	for _, a := range c.arguments {
		words = append(words, a.text(Quote, func(of Command) string { return `"$(` + of.String() + `)"` }))
	}
	return strings.Join(words, " ")
}

// Arguments are those of the command, without gcloud itself. output stands for
// the output of a command within.
func (c Command) Arguments(output string) []string {
	var words []string
	for _, a := range c.arguments {
		words = append(words, a.text(func(word string) string { return word }, func(Command) string { return output }))
	}
	return words
}

// text is the argument with its value as write writes it.
func (a argument) text(write func(string) string, output func(Command) string) string {
	value := ""
	switch {
	case a.bare:
		return a.flag
	case a.output != nil:
		value = output(*a.output)
	case a.flag == "" || a.value != "":
		value = write(a.value)
	}
	if a.flag == "" {
		return value
	}
	return a.flag + "=" + value
}

// plain is a word that a POSIX shell takes as it is.
var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// Quote is a word as a POSIX shell takes it.
func Quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
