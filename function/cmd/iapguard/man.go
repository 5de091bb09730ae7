//go:build !deployed

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/iapguard/iapguard/function"
)

// addManCommand adds the command that writes the manual pages. It is for those who package
// iapguard, so help does not list it.
func addManCommand(root *cobra.Command) {
	root.AddCommand(&cobra.Command{
		Use:    "man DIR",
		Short:  "Write a manual page of each command into a folder",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("%d arguments: write iapguard man DIR", len(args))}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return usageError{fmt.Errorf("writing manual pages: %w", err)}
			}
			root.DisableAutoGenTag = true // a page of the same command is the same on another day
			header := &doc.GenManHeader{Section: "1", Source: "iapguard " + function.Version, Manual: "iapguard"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("writing manual pages: %w", err)
			}
			return nil
		},
	})
}
