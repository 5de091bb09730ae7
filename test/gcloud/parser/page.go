package parser

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Line is a gcloud command of a page.
type Line struct {
	Text      string   // as the page has it
	Arguments []string // without gcloud itself; an expansion is the word "value"
}

// unknown stands for what only a shell knows: a variable, what a command prints.
const unknown = "value"

var (
	// block is a fenced block in Markdown, with its language.
	// Source: spec.commonmark.org.
	block = regexp.MustCompile("(?ms)^[ \t]*```([a-z]*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$")
	// inline is code within a sentence.
	inline = regexp.MustCompile("`([^`]+)`")
	// shells are the languages of blocks with commands.
	shells = []string{"", "sh", "bash", "shell"}
)

// placeholder is a project as a page writes it, in capitals. gcloud takes nothing
// but the id of a project there.
var placeholder = regexp.MustCompile(`^--project=[A-Z_]+$`)

// Commands returns the gcloud commands of a page in Markdown: those in its blocks
// of shell commands, and those within its sentences, but for abbreviated ones,
// which have an ellipsis. It is an error where a shell cannot read them.
func Commands(page string) ([]Line, error) {
	var found []Line
	var codes []string
	for _, match := range block.FindAllStringSubmatch(page, -1) {
		if slices.Contains(shells, match[1]) {
			codes = append(codes, match[2])
		}
	}
	for _, match := range inline.FindAllStringSubmatch(block.ReplaceAllString(page, ""), -1) {
		codes = append(codes, match[1])
	}
	codes = slices.DeleteFunc(codes, func(code string) bool { return !strings.Contains(code, "gcloud ") })
	for _, code := range codes {
		file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(code), "")
		if err != nil {
			return nil, fmt.Errorf("reading %q as a shell does: %w", code, err)
		}
		syntax.Walk(file, func(node syntax.Node) bool {
			if call, ok := node.(*syntax.CallExpr); ok && len(call.Args) > 1 && call.Args[0].Lit() == "gcloud" {
				line := Line{Text: code[call.Pos().Offset():call.End().Offset()]}
				for _, word := range call.Args[1:] {
					if expansion(word) {
						continue
					}
					argument := placeholder.ReplaceAllString(text(word.Parts), "--project="+unknown+"-1")
					line.Arguments = append(line.Arguments, argument)
				}
				if !strings.Contains(line.Text, "…") {
					found = append(found, line)
				}
			}
			return true
		})
	}
	return found, nil
}

// expansion reports whether a shell makes any number of words of this one.
func expansion(word *syntax.Word) bool {
	if len(word.Parts) != 1 {
		return false
	}
	_, is := word.Parts[0].(*syntax.ParamExp)
	return is
}

// escaped is a character that a shell takes without its backslash.
var escaped = regexp.MustCompile(`\\(\n|.)`)

// text is a word without its quotes.
func text(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(escaped.ReplaceAllString(part.Value, "$1"))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			b.WriteString(text(part.Parts))
		default:
			b.WriteString(unknown)
		}
	}
	return b.String()
}
