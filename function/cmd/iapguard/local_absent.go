//go:build deployed

package main

import "github.com/spf13/cobra"

// addLocalCommand adds nothing: the deployed image has no local cloud.
func addLocalCommand(*cobra.Command) {}
