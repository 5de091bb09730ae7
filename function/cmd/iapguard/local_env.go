//go:build !deployed

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

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

// gcloudAPIs are the APIs that gcloud is sent to the local cloud for.
var gcloudAPIs = []string{"run", "serviceusage", "iap", "cloudresourcemanager", "logging", "eventarc", "iam", "pubsub",
	"cloudscheduler", "secretmanager"}

func newLocalEnvCommand() *cobra.Command {
	var addr string
	command := &cobra.Command{
		Use:   "env",
		Short: `Print what points gcloud and iapguard at a running local cloud: eval "$(iapguard local env)"`,
		Args:  noMore,
		RunE: func(command *cobra.Command, _ []string) error {
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return usageError{fmt.Errorf("--addr is %q: write HOST:PORT", addr)}
			}
			fmt.Fprint(command.OutOrStdout(), environment(host, port))
			return nil
		},
	}
	command.Flags().StringVar(&addr, "addr", defaultAddr, "where the local cloud listens")
	return command
}

// environment makes the local cloud gcloud's HTTP proxy: gcloud puts the region
// before the host of an endpoint, which works only where a proxy resolves it.
// Compute's endpoint has a path, because gcloud needs it for the links that it
// builds. CLOUDSDK_CONFIG is separate from the user's own, so that neither reaches
// the other.
func environment(host, port string) string {
	lines := []string{
		"CLOUDSDK_CONFIG=" + filepath.Join(os.TempDir(), "iapguard-gcloud"),
		"CLOUDSDK_CORE_PROJECT=" + playground.Project,
		"CLOUDSDK_AUTH_DISABLE_CREDENTIALS=1",
		"CLOUDSDK_PROXY_TYPE=http_no_tunnel", "CLOUDSDK_PROXY_ADDRESS=" + host, "CLOUDSDK_PROXY_PORT=" + port,
		"CLOUDSDK_CORE_CHECK_GCE_METADATA=0",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1", "CLOUDSDK_CORE_DISABLE_FILE_LOGGING=1",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=1",
		"CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=http://compute.googleapis.com/compute/v1/",
	}
	for _, api := range gcloudAPIs {
		lines = append(lines, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+strings.ToUpper(api)+"=http://"+api+".googleapis.com/")
	}
	lines = append(lines, "IAPGUARD_ENDPOINT=http://"+net.JoinHostPort(host, port))
	return "export " + strings.Join(lines, "\nexport ") + "\n"
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
