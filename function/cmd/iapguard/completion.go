package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// formatWords are the words that flags of a format take.
var formatWords = []string{"text", "json", "md", "csv", "html", "shell", "dotenv", "powershell", "terraform"}

// addCompletions says of every command what its arguments and flags may be, as far as that is
// known: words of a format as the flag's own text names them, and which arguments are files.
func addCompletions(command *cobra.Command) {
	words := func(usage string) (all []string) {
		for _, word := range strings.FieldsFunc(usage, func(c rune) bool { return c < 'a' || c > 'z' }) {
			if slices.Contains(formatWords, word) && !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
		return all
	}
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		switch {
		case flag.Name == "format", flag.Name == "output" && flag.DefValue == "text":
			_ = command.RegisterFlagCompletionFunc(flag.Name, cobra.FixedCompletions(words(flag.Usage),
				cobra.ShellCompDirectiveNoFileComp))
		case flag.Name == "policy", flag.Name == "holds":
			_ = command.MarkFlagFilename(flag.Name, "yaml", "yml") // the flag is there
		}
	})
	if command.ValidArgs == nil && command.ValidArgsFunction == nil {
		command.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion,
			cobra.ShellCompDirective) {
			return argumentsOf(command, len(args))
		}
	}
	for _, each := range command.Commands() {
		addCompletions(each)
	}
}

// argumentsOf are what the next argument of a command may be: a file of YAML, a file, or a name
// that no shell knows.
func argumentsOf(command *cobra.Command, typed int) ([]cobra.Completion, cobra.ShellCompDirective) {
	names := strings.Fields(command.Use)[1:]
	name := ""
	if len(names) > 0 {
		name = names[min(typed, len(names)-1)]
	}
	switch strings.Trim(name, "[].") {
	case "FILE", "FIXTURES", "OLD", "NEW":
		if command.HasParent() && command.Parent().Name() == "policy" {
			return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		}
		return nil, cobra.ShellCompDirectiveDefault
	case "PLAN", "RUN|REPORT.json", "DIR":
		return nil, cobra.ShellCompDirectiveDefault
	case "TARGET":
		if strings.Contains(command.Use, "PLAN") || strings.Contains(command.Use, "REPORT") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return []cobra.Completion{"projects/"}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func newCompletionCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish",
		Short:     "Print the script by which a shell completes commands and flags",
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%d arguments: write iapguard completion bash, zsh or fish", len(args))}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			root, out := command.Root(), command.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return usageError{fmt.Errorf("the shell is %.80q: write bash, zsh or fish%s", args[0],
				didYouMean(args[0], "", command.ValidArgs))}
		},
	}
}
