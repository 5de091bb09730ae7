package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"

	"github.com/iapguard/iapguard/function"
)

// build is what this program was made of. What the build did not record is absent.
type build struct {
	Version   string `json:"version"`
	Module    string `json:"module,omitempty"` // the version of the module, where it was installed by one
	Commit    string `json:"commit,omitempty"`
	Committed string `json:"committed,omitempty"` // when, RFC 3339
	Modified  bool   `json:"modified,omitempty"`  // the commit had changes that are in no commit
	Go        string `json:"go"`
	Platform  string `json:"platform"`
}

// buildOf reads what the Go toolchain recorded; info is nil when it recorded nothing.
func buildOf(info *debug.BuildInfo) build {
	made := build{Version: function.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return made
	}
	if info.Main.Version != "(devel)" {
		made.Module = info.Main.Version
		// Where the module came from a proxy, the build knows the commit by such a version alone.
		if commit, err := module.PseudoVersionRev(made.Module); err == nil {
			made.Commit = commit
			at, _ := module.PseudoVersionTime(made.Module) // it is one
			made.Committed = at.Format(time.RFC3339)
		}
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			made.Commit = setting.Value
		case "vcs.time":
			made.Committed = setting.Value
		case "vcs.modified":
			made.Modified = setting.Value == "true"
		}
	}
	return made
}

func (b build) String() string {
	text := "iapguard " + b.Version
	switch {
	case b.Commit != "" && b.Modified:
		text += fmt.Sprintf(" (commit %.12s of %s, with changes)", b.Commit, b.Committed)
	case b.Commit != "":
		text += fmt.Sprintf(" (commit %.12s of %s)", b.Commit, b.Committed)
	case b.Module != "":
		text += " (module " + b.Module + ")"
	}
	return text + ", " + b.Go + ", " + b.Platform
}

func newVersionCommand() *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit that it was built from where the build recorded it",
		Args:  noMore,
		RunE: func(command *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usageError{fmt.Errorf("--output is %q: write text or json", format)}
			}
			info, _ := debug.ReadBuildInfo()
			made := buildOf(info)
			if format == "json" {
				return json.NewEncoder(command.OutOrStdout()).Encode(made)
			}
			newScreen(command.OutOrStdout()).printf("%s", made)
			return nil
		},
	}
	command.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return command
}
