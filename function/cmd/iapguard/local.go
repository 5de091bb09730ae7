package main

import "github.com/spf13/cobra"

func addLocalCommand(root *cobra.Command) {}
