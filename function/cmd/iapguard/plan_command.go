package main

import (
	"strings"

	"github.com/iapguard/iapguard/internal/remedy/command"
)

// applyCommand is the command that applies targets or a file, with flags, as a shell takes it.
func applyCommand(what, flags []string) string { return shellCommand("apply", what, flags) }

func shellCommand(name string, what, flags []string) string {
	words := []string{"iapguard", name}
	for _, each := range what {
		if !strings.HasPrefix(each, "/") && strings.HasPrefix(each, "-") {
			each = "./" + each
		}
		words = append(words, command.Quote(each))
	}
	for _, each := range flags {
		words = append(words, command.Quote(each))
	}
	return strings.Join(words, " ")
}
