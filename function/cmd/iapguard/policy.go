package main

import "github.com/spf13/cobra"

func newPolicyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "policy",
		Short: "Begin, check and test a policy, and show what a change of it would do",
		Args:  noMore,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(newPolicyInitCommand(), newPolicyCheckCommand(), newPolicyDiffCommand(), newPolicySchemaCommand())
	addPolicyTestCommand(command)
	return command
}
