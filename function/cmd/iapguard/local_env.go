//go:build !deployed

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iapguard/iapguard/internal/playground"
)

const defaultAddr = "127.0.0.1:9090"

func addrFlag(addr string) string {
	if addr == defaultAddr {
		return ""
	}
	return " --addr " + addr
}

func newLocalEnvCommand() *cobra.Command {
	var addr, format string
	var unset bool
	command := &cobra.Command{
		Use:   "env",
		Short: `Print what points gcloud, Terraform and iapguard at a running local cloud: eval "$(iapguard local env)"`,
		Args:  noMore,
		RunE: func(command *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return usageError{fmt.Errorf("--addr is %q: write HOST:PORT", addr)}
			}
			written, known := envFormats[format]
			if !known {
				return usageError{fmt.Errorf("--format is %q: write shell, dotenv, powershell or terraform", format)}
			}
			about := aboutLocal{PubSub: addr} // to be taken back, whether it was set or not
			if !unset {
				var err error
				if about, err = askLocal(command.Context(), addr); err != nil {
					return err
				}
			}
			fmt.Fprint(command.OutOrStdout(), written(addr, settings(addr, about), unset))
			return nil
		},
	}
	command.Flags().StringVar(&addr, "addr", defaultAddr, "where the local cloud listens")
	command.Flags().StringVar(&format, "format", "shell", "shell, dotenv, powershell, or terraform (a provider block)")
	command.Flags().BoolVar(&unset, "unset", false, "print what takes the environment back")
	return command
}

// aboutLocal is what a running local cloud says of itself.
type aboutLocal struct {
	ID     string `json:"id"`     // another one in each run
	PubSub string `json:"pubsub"` // HOST:PORT of Pub/Sub over gRPC; "" = there is none
	// Function is the function's own service, "" = none is attached.
	Function string `json:"function"`
}

// askTimeout bounds how long a local cloud may take to answer.
const askTimeout = 5 * time.Second

// askLocal asks the local cloud at an address about itself, which also shows that
// there is one: what points at nothing would send gcloud elsewhere.
func askLocal(ctx context.Context, addr string) (about aboutLocal, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/_local/about", nil)
	if err != nil {
		return about, usageError{fmt.Errorf("--addr is %q: write HOST:PORT", addr)}
	}
	response, err := (&http.Client{Transport: &http.Transport{}, Timeout: askTimeout}).Do(request) // no proxy
	if err == nil {
		defer response.Body.Close()
		if err = json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&about); err == nil && about.ID == "" {
			err = errors.New("what answers there is something else")
		}
	}
	if err != nil {
		return about, fmt.Errorf("no local cloud answers at %s: start one with iapguard local%s: %w", addr, addrFlag(addr), err)
	}
	return about, nil
}

// setting is one environment variable.
type setting struct{ name, value string }

// envFormats are the ways to write an environment.
var envFormats = map[string]func(addr string, all []setting, unset bool) string{
	"shell":      eachSetting("export %s='%s'\n", "unset %s\n"),
	"dotenv":     eachSetting("%s='%s'\n", "# %s\n"),
	"powershell": eachSetting("$env:%s = '%s'\n", "Remove-Item -ErrorAction SilentlyContinue Env:%s\n"),
	"terraform":  providerBlock,
}

// eachSetting writes one line for each variable. No value has a quote.
func eachSetting(set, unset string) func(string, []setting, bool) string {
	return func(_ string, all []setting, off bool) string {
		var b strings.Builder
		for _, one := range all {
			if off {
				fmt.Fprintf(&b, unset, one.name)
				continue
			}
			fmt.Fprintf(&b, set, one.name, one.value)
		}
		return b.String()
	}
}

// providerBlock is the Google provider's configuration, for a file of its own. Nothing
// of it is left when the file is removed.
func providerBlock(addr string, _ []setting, unset bool) string {
	if unset {
		return "# remove the file that has the provider block\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "provider \"google\" {\n  project      = %q\n  region       = %q\n  access_token = %q\n\n",
		playground.Project, playground.FunctionRegion, localToken)
	for _, api := range terraformAPIs {
		fmt.Fprintf(&b, "  %s_custom_endpoint = %q\n", api.field, "http://"+addr+"/"+api.path)
	}
	b.WriteString("}\n")
	return b.String()
}

// localToken is the access token of the project's owner on the local cloud.
const localToken = "local"

// settings are the variables of all clients.
func settings(addr string, about aboutLocal) []setting {
	all := append(gcloudSettings(addr, about), setting{"GOOGLE_OAUTH_ACCESS_TOKEN", localToken},
		setting{"GOOGLE_PROJECT", playground.Project}, setting{"GOOGLE_REGION", playground.FunctionRegion})
	for _, api := range terraformAPIs {
		all = append(all, setting{"GOOGLE_" + strings.ToUpper(api.field) + "_CUSTOM_ENDPOINT", "http://" + addr + "/" + api.path})
	}
	if about.PubSub != "" {
		all = append(all, setting{"PUBSUB_EMULATOR_HOST", about.PubSub})
	}
	if about.Function != "" {
		all = append(all, setting{"IAPGUARD_CONTEXT", about.Function})
	}
	return append(all, setting{"STORAGE_EMULATOR_HOST", "http://" + addr}, setting{"IAPGUARD_ENDPOINT", "http://" + addr})
}

// gcloudSettings make the local cloud gcloud's HTTP proxy: gcloud puts the region
// before the host of an endpoint, which works only where a proxy resolves it. Every
// API is overridden, so that one that is not served is a clean 404. CLOUDSDK_CONFIG is
// separate from the user's own and from that of an earlier local cloud.
func gcloudSettings(addr string, about aboutLocal) []setting {
	host, port, _ := net.SplitHostPort(addr) // checked before
	all := []setting{
		{"CLOUDSDK_CONFIG", filepath.Join(os.TempDir(), "iapguard-gcloud-"+about.ID)},
		{"CLOUDSDK_CORE_PROJECT", playground.Project},
		{"CLOUDSDK_AUTH_DISABLE_CREDENTIALS", "1"},
		{"CLOUDSDK_PROXY_TYPE", "http_no_tunnel"}, {"CLOUDSDK_PROXY_ADDRESS", host}, {"CLOUDSDK_PROXY_PORT", port},
		{"CLOUDSDK_CORE_CHECK_GCE_METADATA", "0"},
		{"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1"}, {"CLOUDSDK_CORE_DISABLE_FILE_LOGGING", "1"},
		{"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1"}, {"CLOUDSDK_SURVEY_DISABLE_PROMPTS", "1"},
	}
	for api := range strings.FieldsSeq(gcloudAPIs) {
		all = append(all, setting{"CLOUDSDK_API_ENDPOINT_OVERRIDES_" + strings.ToUpper(api),
			"http://" + api + ".googleapis.com/" + gcloudPaths[api]})
	}
	return all
}

// checkListen keeps the local cloud, which believes every caller, off networks
// unless --expose is set.
func checkListen(flag, addr string, exposed bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("--%s is %q: write HOST:PORT", flag, addr)
	}
	if !onLoopback(host) && !exposed {
		return fmt.Errorf("--%s is %q: the local cloud believes every caller, so it listens on the loopback only: "+
			"write 127.0.0.1:PORT, or add --expose", flag, addr)
	}
	return nil
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
