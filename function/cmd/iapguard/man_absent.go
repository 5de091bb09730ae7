//go:build deployed

package main

import "github.com/spf13/cobra"

// addManCommand adds nothing: nobody reads manual pages in the deployed image.
func addManCommand(*cobra.Command) {}
