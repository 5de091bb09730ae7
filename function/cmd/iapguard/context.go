package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/internal/posture"
)

// folderContext is the file of a folder that names a deployment, and nothing else.
const folderContext = ".iapguard.yaml"

func newContextCommand() *cobra.Command {
	command := &cobra.Command{Use: "context", Short: "Say which deployed function commands talk to", Args: noMore}
	command.AddCommand(&cobra.Command{
		Use:   "use projects/PROJECT/locations/LOCATION/services/SERVICE",
		Short: "Talk to this function from now on",
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("write %s, the Cloud Run service that the function is", command.UseLine())}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			named, err := contextNamed(args[0])
			if err != nil {
				return usageError{err}
			}
			file, err := contextFile()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return fmt.Errorf("keeping the context: %w", err)
			}
			if err := os.WriteFile(file, []byte(named.Name()+"\n"), 0o600); err != nil {
				return fmt.Errorf("keeping the context: %w", err)
			}
			newScreen(command.OutOrStdout()).printf("commands talk to %s", named.Name())
			return nil
		},
	}, &cobra.Command{
		Use: "show", Short: "Show which function that is, and what says so", Args: noMore,
		RunE: func(command *cobra.Command, _ []string) error {
			found, err := findContext("")
			if err != nil {
				return err
			}
			newScreen(command.OutOrStdout()).printf("%s (%s)", found.target.Name(), found.from)
			return nil
		},
	})
	return command
}

// deployment is the deployed function that commands talk to, and what says so.
type deployment struct {
	target posture.Target
	from   string
}

// errNoContext means that no deployment is named.
var errNoContext = errors.New("no deployment is named: write iapguard context use projects/PROJECT/locations/LOCATION/" +
	"services/SERVICE, set IAPGUARD_CONTEXT, or write --context")

// findContext finds the deployment: the flag, else the environment, else the folder's file,
// else what context use kept.
func findContext(flag string) (deployment, error) {
	found := deployment{from: "--context"}
	name := flag
	if name == "" {
		name, found.from = os.Getenv("IAPGUARD_CONTEXT"), "IAPGUARD_CONTEXT"
	}
	if name == "" {
		text, err := os.ReadFile(folderContext)
		if err == nil {
			if name, err = contextIn(text); err != nil {
				return found, usageError{fmt.Errorf("%s %w: write context: projects/PROJECT/locations/LOCATION/services/SERVICE",
					folderContext, err)}
			}
			found.from = folderContext + " of this folder"
		}
	}
	if name == "" {
		file, err := contextFile()
		if err != nil {
			return found, usageError{errNoContext}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return found, usageError{errNoContext}
		}
		found.from = "iapguard context use"
		if name, err = contextIn(text); err != nil {
			return found, usageError{fmt.Errorf("%s %w: write iapguard context use projects/PROJECT/locations/LOCATION/"+
				"services/SERVICE", file, err)}
		}
	}
	var err error
	if found.target, err = contextNamed(name); err != nil {
		return found, usageError{fmt.Errorf("%s: %w", found.from, err)}
	}
	return found, nil
}

// contextIn reads the name in a file, of this version or of another one: a line with the name, as
// context use keeps it, or the key context of a mapping. Keys that this version does not know
// change nothing, since a file of a folder may come from somebody else.
func contextIn(text []byte) (string, error) {
	var whole any
	if err := yaml.Unmarshal(text, &whole); err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	name, _ := whole.(string)
	if said, is := whole.(map[string]any); is {
		name, _ = said["context"].(string)
	}
	if name == "" {
		return "", errors.New("names no context")
	}
	return name, nil
}

// contextNamed reads the name of a deployed function.
func contextNamed(name string) (posture.Target, error) {
	target, err := posture.ParseTarget(name)
	if err == nil && target.Instance {
		err = fmt.Errorf("%s is an instance, and the function is a service", name)
	}
	return target, err
}

// contextFile is where context use keeps the name.
func contextFile() (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the folder of your configuration: %w", err)
	}
	return filepath.Join(folder, "iapguard", "context"), nil
}
