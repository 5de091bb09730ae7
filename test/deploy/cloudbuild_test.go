package deploy_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/test/binary"
)

// build is the part of cloudbuild.yaml that is checked against the code.
type build struct {
	Substitutions map[string]string `yaml:"substitutions"`
	Steps         []step            `yaml:"steps"`
	Images        []string          `yaml:"images"`
	Options       struct {
		AutomapSubstitutions  bool   `yaml:"automapSubstitutions"`
		RequestedVerifyOption string `yaml:"requestedVerifyOption"`
	} `yaml:"options"`
}

type step struct {
	ID     string   `yaml:"id"`
	Args   []string `yaml:"args"`
	Env    []string `yaml:"env"`
	Script string   `yaml:"script"`
}

func shippedBuild(t *testing.T) (read build, text string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "cloudbuild.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &read); err != nil {
		t.Fatalf("reading cloudbuild.yaml: %v", err)
	}
	return read, string(content)
}

// step returns a step by its id.
func (b build) step(t *testing.T, id string) step {
	t.Helper()
	at := slices.IndexFunc(b.Steps, func(one step) bool { return one.ID == id })
	if at < 0 {
		t.Fatalf("cloudbuild.yaml has no step %s", id)
	}
	return b.Steps[at]
}

func TestTheBuildChecksBeforeItBuildsAndTestsBeforeItDeploys(t *testing.T) {
	read, _ := shippedBuild(t)
	var ids []string
	for _, each := range read.Steps {
		if each.ID == "" {
			t.Errorf("a step has no id: %v %s", each.Args, each.Script)
		}
		ids = append(ids, each.ID)
	}
	want := []string{"check-substitutions", "vet", "test", "build", "fetch-policy", "check-policy", "image",
		"deploy", "canary", "shift-traffic", "smoke", "policy"}
	got := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(want, id) })
	if diff := cmp.Diff(want, got); diff != "" || ids[0] != want[0] {
		t.Errorf("steps, the first being %s (-want +got):\n%s", ids[0], diff)
	}
	if !read.Options.AutomapSubstitutions || read.Options.RequestedVerifyOption != "VERIFIED" ||
		len(read.Images) == 0 {
		t.Error("scripts do not get the substitutions, or the image gets no provenance")
	}
	if slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(id, "sbom") }) == false {
		t.Error("the image's bill of materials is not kept")
	}
}

// substitution matches a use of a substitution of ours; Google's begin with a letter.
var substitution = regexp.MustCompile(`\$\{?(_[A-Z_]+)\b`)

func TestEverySubstitutionIsDeclaredAndCheckedAndUsed(t *testing.T) {
	read, text := shippedBuild(t)
	check := read.step(t, "check-substitutions").Script
	_, steps, _ := strings.Cut(text, "\nsteps:")
	used := map[string]bool{}
	for _, m := range substitution.FindAllStringSubmatch(strings.Replace(steps, check, "", 1), -1) {
		used[m[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(read.Substitutions)),
		slices.Sorted(maps.Keys(used))); diff != "" {
		t.Errorf("substitutions (-declared +used):\n%s", diff)
	}
	for name, value := range read.Substitutions {
		if !regexp.MustCompile(`(?m)^\s*check ` + name + ` `).MatchString(check) {
			t.Errorf("%s is not checked", name)
		}
		if !strings.Contains(text[:strings.Index(text, "\nsubstitutions:")], name+"=") {
			t.Errorf("the command at the top does not give %s", name)
		}
		if value != "unset" {
			t.Errorf("%s is %q by default: a build that guesses deploys to the wrong place", name, value)
		}
	}
}

// checked runs the check like Cloud Build, with substitutions as variables.
func checked(t *testing.T, substitutions map[string]string) (said string, ok bool) {
	t.Helper()
	read, _ := shippedBuild(t)
	script := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(script, []byte(read.step(t, "check-substitutions").Script), 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), script)
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range read.Substitutions {
		if given, ok := substitutions[name]; ok {
			value = given
		}
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.CombinedOutput()
	if exit := command.ProcessState.ExitCode(); err != nil && exit != 1 {
		t.Errorf("the check ended with %d, want 0 or 1", exit)
	}
	return string(out), err == nil
}

func TestAMissingOrWrongSubstitutionStopsTheBuildWithOneLine(t *testing.T) {
	right := map[string]string{"_REGION": "europe-west1", "_REPOSITORY": "iapguard", "_SERVICE": "iapguard",
		"_POLICY": "deploy/policy.yaml"}
	if said, ok := checked(t, right); !ok || said != "" {
		t.Errorf("what is right is refused: %s", said)
	}
	remedies := map[string]string{"_REGION": "us-central1", "_REPOSITORY": "Artifact Registry",
		"_SERVICE": "Cloud Run service", "_POLICY": "in-force"}
	wrong := map[string][]string{
		"_REGION":     {"europe-west1-b", "eu", "Europe-West1", "europe-west1 ", "$(id)"},
		"_REPOSITORY": {"europe-west1-docker.pkg.dev/p/iapguard", "Iapguard", "iapguard-", "a b"},
		"_SERVICE":    {"projects/p/locations/l/services/iapguard", "-iapguard", strings.Repeat("s", 50), "a;b"},
		"_POLICY":     {"policy", "/etc/policy.yaml", "../policy.yaml", "gs://b/policy.yaml", "a b.yaml"},
	}
	for name := range right {
		for _, value := range append(wrong[name], "", "unset") {
			changed := maps.Clone(right)
			changed[name] = value
			said, ok := checked(t, changed)
			if ok || strings.Count(said, "\n") != 1+strings.Count(value, "\n") || !strings.Contains(said,
				name+"=") ||
				!strings.Contains(said, remedies[name]) {
				t.Errorf("%s is %q: passed %v, said %q: want it stopped with a line that names %s and %q",
					name, value, ok, said,
					name, remedies[name])
			}
		}
	}
	if said, ok := checked(t, nil); ok || strings.Count(said, "\n") != len(right) {
		t.Errorf("nothing given: passed %v, said %q: want a line for each", ok, said)
	}
}

func TestTheBuildUsesTheFlagsThatTheImageIsProvenWith(t *testing.T) {
	read, _ := shippedBuild(t)
	content, err := os.ReadFile(filepath.Join(asShipped, "ko.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var image struct {
		DefaultBaseImage string `yaml:"defaultBaseImage"`
		Builds           []struct {
			Main  string   `yaml:"main"`
			Env   []string `yaml:"env"`
			Flags []string `yaml:"flags"`
		} `yaml:"builds"`
	}
	if err := yaml.Unmarshal(content, &image); err != nil || len(image.Builds) != 1 {
		t.Fatalf("deploy/ko.yaml: %d builds, error %v", len(image.Builds), err)
	}
	compiled, packed := read.step(t, "build"), read.step(t, "image")
	if !slices.Contains(image.Builds[0].Flags, "-tags=deployed") {
		t.Error("the image is built with the local cloud in it")
	}
	got := append(slices.DeleteFunc(slices.Clone(compiled.Args),
		func(arg string) bool { return !strings.HasPrefix(arg, "-") || strings.HasPrefix(arg, "-o=") }),
		compiled.Env...)
	if diff := cmp.Diff(append(slices.Clone(image.Builds[0].Flags), image.Builds[0].Env...), got); diff != "" {
		t.Errorf("flags of step build (-deploy/ko.yaml +cloudbuild.yaml):\n%s", diff)
	}
	for id, one := range map[string]step{"build": compiled, "image": packed} {
		if last := one.Args[len(one.Args)-1]; last != image.Builds[0].Main {
			t.Errorf("step %s builds %s, want %s", id, last, image.Builds[0].Main)
		}
	}
	if !slices.Contains(packed.Env, "KO_CONFIG_PATH=deploy/ko.yaml") {
		t.Error("step image does not read deploy/ko.yaml")
	}
	if !strings.Contains(image.DefaultBaseImage, "distroless/static") {
		t.Errorf("the base is %s, which may have a shell", image.DefaultBaseImage)
	}
}

// stepRun runs the script of a step in a folder that stands for /workspace, with programs in
// the place of gcloud and go.
func stepRun(t *testing.T, id, workspace string, environment ...string) (said string, err error) {
	t.Helper()
	built, _ := shippedBuild(t)
	script := filepath.Join(t.TempDir(), id)
	text := strings.ReplaceAll(built.step(t, id).Script, "/workspace/", workspace+"/")
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), script)
	command.Dir = workspace
	command.Env = append(environment, "PATH="+filepath.Join(workspace, "bin")+":"+os.Getenv("PATH"),
		"PROJECT_ID=p", "_SERVICE=iapguard")
	out, err := command.CombinedOutput()
	return string(out), err
}

// A policy that the new code refuses ends the build before the image is made, whether it
// comes with the source or is in force.
func TestTheBuildEndsAtAnInvalidPolicy(t *testing.T) {
	const valid, invalid = "version: 1\nrules: [{name: all}]\n", "version: 1\nrules: [{name: all, mode: shut}]\n"
	for name, tc := range map[string]struct {
		policy, file, secret string // what _POLICY says, the file in the source, the secret
		ends                 bool
		added                string // to the secret, at the end of the build
	}{
		"a valid file":                  {"policy.yaml", valid, invalid, false, valid},
		"a file that is in force":       {"policy.yaml", valid, valid, false, ""},
		"an invalid file":               {"policy.yaml", invalid, valid, true, ""},
		"the policy in force":           {"in-force", invalid, valid, false, ""},
		"what is in force got invalid":  {"in-force", valid, invalid, true, ""},
		"no policy yet":                 {"in-force", "", "", false, ""},
		"a file that is not in the way": {"policies/policy.yaml", "", valid, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			workspace := t.TempDir()
			for file, text := range map[string]string{
				"policy.yaml": tc.file, "secret": tc.secret,
				"bin/gcloud": "#!/bin/sh\ncase \"$*\" in\n*'secrets list'*) [ -s secret ] && echo found; true ;;\n" +
					"*'versions access'*) cat secret ;;\n*'versions add'*) cp policy-to-check.yaml added ;;\nesac\n",
				"bin/go": "#!/bin/sh\nshift 2\nexec '" + binary.Command(t) + "' \"$@\"\n",
			} {
				if text == "" {
					continue
				}
				if err := os.MkdirAll(filepath.Dir(filepath.Join(workspace, file)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(workspace, file), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			var said string
			var err error
			for _, id := range []string{"fetch-policy", "check-policy"} {
				if said, err = stepRun(t, id, workspace, "_POLICY="+tc.policy); err != nil {
					break
				}
			}
			if (err != nil) != tc.ends {
				t.Fatalf("the build ended: %v, want %v: %s", err, tc.ends, said)
			}
			if err == nil {
				if said, err := stepRun(t, "policy", workspace, "_POLICY="+tc.policy); err != nil {
					t.Fatalf("step policy: %v: %s", err, said)
				}
			}
			if added, _ := os.ReadFile(filepath.Join(workspace,
				"added")); string(added) != tc.added { // none is ""
				t.Errorf("added to the secret: %q, want %q", added, tc.added)
			}
		})
	}
}

// The build moves no traffic to a revision that does not answer at its tag, and takes back what
// it moved where no heartbeat arrives. What makes the canary's job deletes it.
func TestTheBuildMovesTrafficOnlyToARevisionThatAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		answers, beats, ends bool
		asked                []string // each is in a command, in this order
	}{
		"a good revision": {true, true, false, []string{"--no-traffic --tag=canary", "jobs create http iapguard-canary",
			"jobs delete iapguard-canary", "--to-latest --remove-tags=canary"}},
		"one that does not answer": {false, true, true, []string{"--no-traffic --tag=canary",
			"jobs create http iapguard-canary", "jobs delete iapguard-canary"}},
		"one without a heartbeat": {true, false, true, []string{"--no-traffic --tag=canary",
			"--to-latest --remove-tags=canary", "--to-revisions=before=100"}},
	} {
		t.Run(name, func(t *testing.T) {
			workspace := t.TempDir()
			found := map[bool]string{true: "echo found", false: "true"}
			if err := os.Mkdir(filepath.Join(workspace, "bin"), 0o755); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{
				"image": "registry/iapguard@sha256:0", "bin/sleep": "#!/bin/sh\n",
				"bin/gcloud": "#!/bin/sh\necho \"$*\" >> asked\ncase \"$*\" in\n" +
					"*'services list'*) echo iapguard ;;\n*'traffic[0]'*) echo before ;;\n*latestReady*) echo after ;;\n" +
					"*'value(status.url)'*) echo https://iapguard-abc.a.run.app ;;\n" +
					"*requestUrl*) " + found[tc.answers] + " ;;\n*heartbeat*) " + found[tc.beats] + " ;;\nesac\n",
			} {
				if err := os.WriteFile(filepath.Join(workspace, file), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			var said string
			var err error
			for _, id := range []string{"deploy", "canary", "shift-traffic", "smoke"} {
				if said, err = stepRun(t, id, workspace, "_REGION=europe-west1"); err != nil {
					break
				}
			}
			if (err != nil) != tc.ends {
				t.Fatalf("the build ended: %v, want %v: %s", err, tc.ends, said)
			}
			asked := read(t, filepath.Join(workspace, "asked"))
			rest := asked
			for _, command := range tc.asked {
				_, after, there := strings.Cut(rest, command)
				if !there {
					t.Fatalf("%q is not asked, or not in its turn:\n%s", command, asked)
				}
				rest = after
			}
			if moved := strings.Contains(asked, "update-traffic"); moved != tc.answers {
				t.Errorf("traffic moved: %v\n%s", moved, asked)
			}
			if back := strings.Contains(asked, "--to-revisions=before=100"); back != (tc.answers && !tc.beats) {
				t.Errorf("traffic went back: %v\n%s", back, asked)
			}
			if !strings.Contains(asked, "--uri=https://canary---iapguard-abc.a.run.app/commands") {
				t.Errorf("the canary is asked elsewhere:\n%s", asked)
			}
		})
	}
}
