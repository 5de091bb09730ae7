//go:build !deployed

package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// env is what local env prints about a local cloud.
func env(t *testing.T, flags ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	if status := run(t.Context(), append([]string{"local", "env"}, flags...), &out, &said); status != 0 {
		t.Fatalf("exit status %d: %s", status, said.String())
	}
	return out.String()
}

// A shell that evaluates what is printed, and then what takes it back, has the
// environment that it had before.
func TestTheEnvironmentIsSetAndTakenBack(t *testing.T) {
	addr := addrOf(t, cloudtest.Start(t, playground.Options{}).URL())
	const print = `
env | grep -vE '^(_|SHLVL|PWD|OLDPWD)=' | sort`
	in := func(script string) []string {
		command := exec.CommandContext(t.Context(), "sh", "-c", script)
		command.Env = []string{"PATH=/usr/bin:/bin", "KEPT=1"}
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	set := env(t, "--addr", addr)
	with := in(set + print)
	for _, want := range []string{
		"IAPGUARD_ENDPOINT=http://" + addr, "GOOGLE_COMPUTE_CUSTOM_ENDPOINT=http://" + addr + "/compute/v1/",
		"GOOGLE_CLOUD_RUN_CUSTOM_ENDPOINT=http://" + addr + "/_regional/{{location}}/",
		"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.googleapis.com/", "KEPT=1",
	} {
		if !slices.Contains(with, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	if diff := cmp.Diff(in(print), in(set+env(t, "--addr", addr, "--unset")+print)); diff != "" {
		t.Errorf("after it was taken back (-before +after):\n%s", diff)
	}
	if again := env(t, "--addr", addrOf(t, cloudtest.Start(t, playground.Options{}).URL())); strings.Contains(again,
		strings.SplitN(set, "\n", 2)[0]) {
		t.Error("another local cloud has the same CLOUDSDK_CONFIG")
	}
}

func TestEveryFormatIsPrinted(t *testing.T) {
	addr := addrOf(t, cloudtest.Start(t, playground.Options{}).URL())
	for format, want := range map[string]string{
		"shell": "export GOOGLE_PROJECT='demo-project'\n", "dotenv": "GOOGLE_PROJECT='demo-project'\n",
		"powershell": "$env:GOOGLE_PROJECT = 'demo-project'\n", "terraform": "  pubsub_custom_endpoint = \"http://" + addr + "/v1/\"\n",
	} {
		if printed := env(t, "--addr", addr, "--format", format); !strings.Contains(printed, want) {
			t.Errorf("%s lacks %q:\n%s", format, want, printed)
		}
	}
	if _, problems := hclparse.NewParser().ParseHCL([]byte(env(t, "--addr", addr, "--format", "terraform")), "provider.tf"); problems.HasErrors() {
		t.Error(problems)
	}
}

func TestWithoutALocalCloudNothingIsPrinted(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	for _, addr := range []string{nobody.Addr().String(), addrOf(t, other.URL)} {
		var out, said bytes.Buffer
		status := run(t.Context(), []string{"local", "env", "--addr", addr}, &out, &said)
		if status != exitFailed || out.Len() > 0 || strings.Count(said.String(), "\n") != 1 ||
			!strings.Contains(said.String(), "iapguard local --addr "+addr) {
			t.Errorf("%s: exit status %d, printed %q, said %q; want one line that says what to type", addr, status, out.String(), said.String())
		}
	}
	for _, flags := range [][]string{{"--addr", "9090"}, {"--format", "fish"}} {
		var out, said bytes.Buffer
		if status := run(t.Context(), append([]string{"local", "env"}, flags...), &out, &said); status != exitUsage {
			t.Errorf("%v: exit status %d, want %d: %s", flags, status, exitUsage, said.String())
		}
	}
}
