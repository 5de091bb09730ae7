//go:build deployed

package main

import "github.com/spf13/cobra"

// addPolicyTestCommand adds nothing: nobody has fixtures in the deployed image.
func addPolicyTestCommand(*cobra.Command) {}
