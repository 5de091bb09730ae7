package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocumentsAreThoseOfTheModule(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED: finding Google's discovery documents needs the go command")
	}
	source, err := sourceFolder()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, d := range served {
		known[d.file()] = true
		want, err := d.generate(source)
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join("..", d.file()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s is not up to date, run go generate (-module +embedded):\n%.2000s", d.file(), diff)
		}
	}
	files, err := filepath.Glob("../*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !known[filepath.Base(file)] {
			t.Errorf("%s is not in served.go", file)
		}
	}
}

func TestMarkersOfDescriptions(t *testing.T) {
	for description, want := range map[string][]string{
		"Output only. [Output Only] Creation timestamp":  {"output only"},
		"[Output Only] Creation timestamp":               {"output only"},
		"Required. Immutable. The parent.":               {"required", "immutable"},
		"Optional. Output only.\nThe state":              {"optional", "output only"},
		"The field is output only for PARTNER type.":     {},
		"Output only for PARTNER type":                   {},
		"":                                               {},
		"[Required] Reference. Deprecated: use another.": {"required"},
	} {
		wanted := map[string]bool{}
		for _, word := range want {
			wanted[word] = true
		}
		if diff := cmp.Diff(wanted, markers(description)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", description, diff)
		}
	}
}
