package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/test/binary"
)

// release is .goreleaser.yaml, as far as these tests follow it. GoReleaser itself reads it
// strictly in TestGoReleaserMakesTheRelease.
type release struct {
	Before struct{ Hooks []string }
	Builds []struct {
		Main       string
		Systems    []string `yaml:"goos"`
		Processors []string `yaml:"goarch"`
	}
	Archives []struct {
		Files []struct {
			Source      string `yaml:"src"`
			Destination string `yaml:"dst"`
		}
	}
	Packages []struct {
		Contents []struct {
			Source string `yaml:"src"`
		}
	} `yaml:"nfpms"`
	Casks []struct {
		Manpages    []string
		Completions map[string]string
	} `yaml:"homebrew_casks"`
}

func readRelease(t *testing.T) release {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var read release
	if err := yaml.Unmarshal(text, &read); err != nil || len(read.Builds) != 1 || len(read.Archives) != 1 ||
		len(read.Packages) != 1 || len(read.Casks) != 1 {
		t.Fatalf(".goreleaser.yaml: %v, %+v", err, read)
	}
	return read
}

// packed runs .ci/package with the program that the tests have, and returns its folder.
func packed(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "build")
	run(t, in{root(t), nil}, filepath.Join(root(t), ".ci", "package"), folder, binary.Command(t))
	return folder
}

// Each file that an archive, the Debian package or the cask names is one that the hook makes or
// the repository has.
func TestAReleaseNamesFilesThatAreMade(t *testing.T) {
	read, folder := readRelease(t), packed(t)
	if !slices.Equal(read.Before.Hooks, []string{".ci/package build"}) {
		t.Errorf("hooks %q, and this test runs .ci/package build", read.Before.Hooks)
	}
	var named []string
	inArchive := map[string]bool{}
	for _, file := range read.Archives[0].Files {
		named = append(named, file.Source)
		if name, isMade := strings.CutPrefix(file.Source, "build/"); isMade {
			matches, err := filepath.Glob(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range matches {
				inArchive[file.Destination+"/"+filepath.Base(match)] = true
			}
		}
	}
	for _, content := range read.Packages[0].Contents {
		named = append(named, content.Source)
	}
	for _, name := range named {
		from, pattern := root(t), name
		if made, isMade := strings.CutPrefix(name, "build/"); isMade {
			from, pattern = folder, made
		}
		if matches, err := filepath.Glob(filepath.Join(from, pattern)); err != nil || len(matches) == 0 {
			t.Errorf("%s: there is no such file: %v", name, err)
		}
	}
	for _, name := range read.Casks[0].Completions {
		if !inArchive[name] {
			t.Errorf("the cask names %s, which is not in the archive", name)
		}
	}
	for _, name := range read.Casks[0].Manpages {
		if !inArchive[name] {
			t.Errorf("the cask names %s, which is not in the archive", name)
		}
	}
}

// Each line is in the text of one licence, or of each of a family. All of them let a program be
// passed on under a licence of its own.
var knownLicences = regexp.MustCompile(`Apache License\s+Version 2\.0|` +
	`Licensed under the Apache License, Version 2\.0|` + // its notice alone, as in-toto/attestation has it
	`Permission is hereby granted, free of charge|` + // MIT
	`Redistributions? (and use|of source code)|` + // BSD
	`Mozilla Public License,? [Vv]ersion 2\.0`)

func TestEveryModuleComesWithAKnownLicence(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(packed(t), "licenses.txt"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n==== ")
	listed := map[string]string{}
	for _, part := range parts[1:] {
		name, text, _ := strings.Cut(part, "\n")
		path, _, _ := strings.Cut(name, " ")
		listed[path] = text
	}
	for _, system := range readRelease(t).Builds[0].Systems {
		where := in{root(t), []string{"GOOS=" + system}}
		linked := run(t, where, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", program)
		for path := range strings.FieldsSeq("std " + linked) {
			switch text, is := listed[path]; {
			case path == module:
			case !is:
				t.Errorf("%s is linked in on %s, and its licence is not listed", path, system)
			case !knownLicences.MatchString(text):
				t.Errorf("%s has a licence that nobody looked at: read it, and add it to knownLicences:\n%.300s",
					path, text)
			}
		}
	}
	if len(listed) < 50 {
		t.Errorf("only %d modules are listed", len(listed))
	}
}

// unreachable is in the error of a module that no proxy gives.
var unreachable = regexp.MustCompile(`not available|no such host|dial tcp|resolve host|i/o timeout|lookup disabled`)

// installed is a tool at the version that the workflow names in its environment. The test is
// skipped where it cannot be had.
func installed(t *testing.T, variable string) (path string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), ".github", "workflows", "release.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`\n  ` + variable + `: (\S+@v[0-9.]+)\n`).FindSubmatch(text)
	if at == nil {
		t.Fatalf("the workflow names no version for %s", variable)
	}
	programs := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "install", string(at[1]))
	command.Dir, command.Env = programs, append(os.Environ(), "GOBIN="+programs, "GOFLAGS=-trimpath")
	if out, err := command.CombinedOutput(); err != nil {
		if unreachable.Match(out) {
			t.Skipf("skipped: %s cannot be had here: %.300s", at[1], out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(programs, strings.ToLower(variable))
}

func TestGoReleaserMakesTheRelease(t *testing.T) {
	forRelease(t)
	tool, folder := installed(t, "GORELEASER"), clone(t, "iapguard")
	where := in{folder, []string{"GOFLAGS=", "GITHUB_TOKEN=", "TAP_TOKEN="}}
	run(t, where, tool, "check")
	run(t, where, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", "tag", "v"+function.Version)
	run(t, where, tool, "release", "--snapshot", "--clean")

	dist := filepath.Join(folder, "dist")
	prefix := "iapguard_" + function.Version + "-snapshot_"
	want := []string{"checksums.txt", filepath.Join("homebrew", "Casks", "iapguard.rb")}
	for _, system := range systems(t) {
		for _, processor := range readRelease(t).Builds[0].Processors {
			name, ending := prefix+system+"_"+processor, ".tar.gz"
			if system == "windows" {
				ending = ".zip"
			}
			want = append(want, name+ending, name+".cdx.json")
			if system == "linux" {
				want = append(want, name+".deb")
			}
		}
	}
	for _, name := range want {
		if _, err := os.Stat(filepath.Join(dist, name)); err != nil {
			t.Errorf("it is not made: %v", err)
		}
	}
	holdsTheirSums(t, dist, want)
	for _, name := range []string{prefix + "linux_amd64.tar.gz", prefix + "windows_arm64.zip"} {
		files, path := unpacked(t, filepath.Join(dist, name))
		for _, want := range []string{"LICENSE", "README.md", "licenses.txt", "completions/_iapguard",
			"completions/iapguard.bash", "completions/iapguard.fish", "man/iapguard.1", "man/iapguard-audit.1"} {
			if !slices.Contains(files, want) {
				t.Errorf("%s lacks %s: %q", name, want, files)
			}
		}
		if strings.Contains(name, "linux_amd64") {
			said := madeOf(t.Context(), t, path)
			if said.Commit != commit(t) || said.Modified || said.Version != function.Version {
				t.Errorf("%s: the program says %+v, want commit %s", name, said, commit(t))
			}
		}
	}
	const from = `url "https://github.com/iapguard/iapguard/releases/download/v`
	if cask, err := os.ReadFile(filepath.Join(dist, want[1])); err != nil || strings.Count(string(cask), from) != 4 {
		t.Errorf("the cask does not fetch from our releases: %v\n%s", err, cask)
	}
	var bill struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name string }
	}
	text, err := os.ReadFile(filepath.Join(dist, prefix+"linux_amd64.cdx.json"))
	if err == nil {
		err = json.Unmarshal(text, &bill)
	}
	if err != nil || bill.Format != "CycloneDX" || len(bill.Components) < 50 {
		t.Errorf("the bill of materials: %v, %d components", err, len(bill.Components))
	}
	if debian, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Log("skipped: no dpkg-deb here to look into the Debian package")
	} else {
		listed := run(t, in{}, debian, "--contents", filepath.Join(dist, prefix+"linux_amd64.deb")) + "\n"
		for _, want := range []string{"./usr/bin/iapguard", "./usr/share/man/man1/iapguard-audit.1",
			"./usr/share/doc/iapguard/copyright", "./usr/share/bash-completion/completions/iapguard",
			"./usr/share/zsh/vendor-completions/_iapguard"} {
			if !strings.Contains(listed, " "+want+"\n") {
				t.Errorf("the Debian package lacks %s:\n%s", want, listed)
			}
		}
	}
}

// holdsTheirSums looks that checksums.txt has every file that is published, with its digest.
func holdsTheirSums(t *testing.T, dist string, published []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dist, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range published {
		if strings.HasSuffix(name, ".rb") || name == "checksums.txt" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil {
			continue // it was said above
		}
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name); !strings.Contains(string(text), line) {
			t.Errorf("checksums.txt lacks %q", line)
		}
	}
}

// unpacked are the files of an archive, and where its program is.
func unpacked(t *testing.T, name string) (files []string, path string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".zip" {
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.File {
			files = append(files, file.Name)
		}
		return files, ""
	}
	compressed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "iapguard")
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, path
		}
		if err != nil {
			t.Fatal(err)
		}
		if files = append(files, header.Name); header.Name != "iapguard" {
			continue
		}
		text, err := io.ReadAll(archive)
		if err == nil {
			err = os.WriteFile(path, text, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
