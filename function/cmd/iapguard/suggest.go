package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/iapguard/iapguard/internal/strictyaml"
)

// didYouMean is the end of a line about a word that no command or flag has; "" when none
// resembles it.
func didYouMean(word, prefix string, known []string) string {
	if nearest := strictyaml.Nearest(word, known); nearest != "" {
		return ": did you mean " + prefix + nearest + "?"
	}
	return ""
}

// commandLike suggests a command below another one.
func commandLike(parent *cobra.Command, word string) string {
	var names []string
	for _, each := range parent.Commands() {
		if !each.Hidden {
			names = append(names, each.Name())
		}
	}
	return didYouMean(word, "", names)
}

// flagLike suggests a flag for one that a command does not have.
func flagLike(command *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return ""
	}
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return didYouMean(unknown.GetSpecifiedName(), "--", names)
}
