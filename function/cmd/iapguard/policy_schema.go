package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/policy/schema"
)

func newPolicySchemaCommand() *cobra.Command {
	schemas := map[string][]byte{"policy": schema.Policy, "fixtures": schema.Fixtures}
	return &cobra.Command{
		Use:       "schema [policy|fixtures]",
		Short:     "Print the JSON Schema of a policy, or of the fixtures of policy test, for editors",
		ValidArgs: []string{"policy", "fixtures"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && schemas[args[0]] == nil {
				return usageError{fmt.Errorf("arguments %.80q: write iapguard policy schema policy, or fixtures", args)}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			text := schema.Policy
			if len(args) == 1 {
				text = schemas[args[0]]
			}
			_, err := command.OutOrStdout().Write(text)
			return err
		},
	}
}
