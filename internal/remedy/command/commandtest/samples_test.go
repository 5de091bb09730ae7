package commandtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryFunctionHasASample(t *testing.T) {
	sampled := map[string]bool{}
	for _, sample := range Samples(Plain) {
		sampled[sample.Function] = true
	}
	var functions []string
	for _, function := range builders(t) {
		functions = append(functions, function)
		if !sampled[function] {
			t.Errorf("command.%s has no sample", function)
		}
	}
	if len(functions) < 30 {
		t.Errorf("only %d functions found: %v", len(functions), functions)
	}
	for function := range sampled {
		if !slices.Contains(functions, function) {
			t.Errorf("a sample names command.%s, which builds no command", function)
		}
	}
}

// builders are the exported functions of package command that return a command.
func builders(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results.NumFields() != 1 {
				continue
			}
			built := f.Type.Results.List[0].Type
			if list, ok := built.(*ast.ArrayType); ok {
				built = list.Elt
			}
			if result, ok := built.(*ast.Ident); ok && result.Name == "Command" {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

func TestAShellReadsBackTheVeryArguments(t *testing.T) {
	for _, name := range []string{
		"hello", "", "a b", "it's", `say "hi"`, "$(touch run)", "`touch run`", "a;touch run", "a\ntouch run", "*", "~",
		"-x", `a\b`, `\`, "#a", "$HOME", "${IFS}", "a&touch run", "a|touch run", "a>run", "!!", "ä", "'", "''\"'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want [][]string
			var lines []string
			for _, sample := range Samples(Hostile(name)) {
				want = append(want, sample.Command.Arguments("OUTPUT"))
				lines = append(lines, sample.Command.String())
			}
			if diff := cmp.Diff(want, split(t, lines)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// split gives the arguments that the system's shell calls gcloud with, for each
// line the last call.
func split(t *testing.T, lines []string) [][]string {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	shell := exec.CommandContext(t.Context(), "sh", "-c", `gcloud() { printf '%s\0' $# "$@" >&3; printf OUTPUT; }
line() { printf '%s\0' line >&3; }
{ `+strings.Join(lines, "\nline\n")+"\nline\n} >/dev/null")
	shell.ExtraFiles, shell.Dir, shell.Env = []*os.File{writer}, t.TempDir(), []string{}
	var stderr bytes.Buffer
	shell.Stderr = &stderr
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	out, readErr := io.ReadAll(reader)
	if err := shell.Wait(); err != nil || readErr != nil || stderr.Len() > 0 {
		t.Fatalf("the shell ended with %v, %v: %s", err, readErr, stderr.String())
	}
	if made, err := os.ReadDir(shell.Dir); err != nil || len(made) > 0 {
		t.Errorf("the commands left %v, %v", made, err)
	}
	var calls [][]string
	var last []string
	for words := strings.Split(string(out), "\x00"); len(words) > 1; {
		count, err := strconv.Atoi(words[0])
		if err != nil { // a line ends
			calls, words = append(calls, last), words[1:]
			continue
		}
		last, words = words[1:1+count], words[1+count:]
	}
	return calls
}
