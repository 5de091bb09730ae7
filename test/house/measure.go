package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Measures are the figures of one package, or of several together. Generated
// files do not count.
type Measures struct {
	// Package is the folder, relative to the module's root.
	Package string
	Files   int
	// Lines counts non-blank lines; Comments those of them that hold nothing
	// but a comment.
	Lines, Comments int
	// Exported are the names that the package exports at its top level:
	// types, functions, variables and constants, without methods and fields.
	Exported []string
	// Methods counts the exported methods of exported types.
	Methods int
	// Interfaces counts interface types with a name.
	Interfaces int
	Functions  []Function
	// Widths are the lengths of all lines in characters, a tab being one.
	Widths []int
}

// Function is a declared function or method.
type Function struct {
	// Name is "Name" or "Type.Name".
	Name string
	// File is relative to the module's root.
	File string
	// Lines counts from the keyword to the closing brace.
	Lines int
	// Parameters counts each one, without the receiver and the results.
	Parameters int
}

// Measure reads every package below root. The first list has a package's code,
// the second its tests; a package without either is not in that list.
func Measure(root string) (code, tests []Measures, err error) {
	byFolder := [2]map[string]*Measures{{}, {}}
	err = walk(root, func(path string, text []byte) error {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if ast.IsGenerated(file) {
			return nil
		}
		kind := byFolder[0]
		if strings.HasSuffix(path, "_test.go") {
			kind = byFolder[1]
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		if kind[folder] == nil {
			kind[folder] = &Measures{Package: folder}
		}
		kind[folder].add(files, file, path, text)
		return nil
	})
	return sorted(byFolder[0]), sorted(byFolder[1]), err
}

// walk calls each for every Go file below root, with its path relative to root.
func walk(root string, each func(path string, text []byte) error) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return each(filepath.ToSlash(path), text)
	})
}

func sorted(byFolder map[string]*Measures) []Measures {
	var all []Measures
	for _, one := range byFolder {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Measures) int { return strings.Compare(a.Package, b.Package) })
	return all
}

// Sum is the measures of several packages as if they were one.
func Sum(name string, packages []Measures) Measures {
	sum := Measures{Package: name}
	for _, one := range packages {
		sum.Files += one.Files
		sum.Lines += one.Lines
		sum.Comments += one.Comments
		sum.Interfaces += one.Interfaces
		sum.Methods += one.Methods
		sum.Exported = append(sum.Exported, one.Exported...)
		sum.Functions = append(sum.Functions, one.Functions...)
		sum.Widths = append(sum.Widths, one.Widths...)
	}
	return sum
}

// add counts one file.
func (m *Measures) add(files *token.FileSet, file *ast.File, path string, text []byte) {
	m.Files++
	m.addLines(files, file, text)
	for _, declaration := range file.Decls {
		switch declared := declaration.(type) {
		case *ast.FuncDecl:
			m.Functions = append(m.Functions, Function{
				Name: nameOf(declared), File: path, Parameters: declared.Type.Params.NumFields(),
				Lines: files.Position(declared.End()).Line - files.Position(declared.Pos()).Line + 1,
			})
			if declared.Recv == nil {
				m.export(declared.Name)
			} else if receiver, _, _ := strings.Cut(nameOf(declared), "."); ast.IsExported(receiver) && declared.Name.IsExported() {
				m.Methods++
			}
		case *ast.GenDecl:
			m.addSpecs(declared.Specs)
		}
	}
}

func (m *Measures) addSpecs(specs []ast.Spec) {
	for _, spec := range specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			m.export(spec.Name)
			if _, ok := spec.Type.(*ast.InterfaceType); ok {
				m.Interfaces++
			}
		case *ast.ValueSpec:
			m.export(spec.Names...)
		}
	}
}

func (m *Measures) export(names ...*ast.Ident) {
	for _, name := range names {
		if name.IsExported() {
			m.Exported = append(m.Exported, name.Name)
		}
	}
}

// addLines counts lines. A line with code and a comment is a line of code.
func (m *Measures) addLines(files *token.FileSet, file *ast.File, text []byte) {
	comment := map[int]bool{}
	for _, group := range file.Comments {
		for line := files.Position(group.Pos()).Line; line <= files.Position(group.End()).Line; line++ {
			comment[line] = true
		}
	}
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		m.Widths = append(m.Widths, utf8.RuneCount(line))
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) == 0 {
			continue
		}
		m.Lines++
		begins := bytes.HasPrefix(trimmed, []byte("//")) || bytes.HasPrefix(trimmed, []byte("/*"))
		if comment[i+1] && (begins || comment[i] && !bytes.Contains(trimmed, []byte("//"))) {
			m.Comments++
		}
	}
}

func nameOf(function *ast.FuncDecl) string {
	if function.Recv == nil || len(function.Recv.List) == 0 {
		return function.Name.Name
	}
	receiver := function.Recv.List[0].Type
	for {
		switch inner := receiver.(type) {
		case *ast.StarExpr:
			receiver = inner.X
		case *ast.IndexExpr:
			receiver = inner.X
		case *ast.IndexListExpr:
			receiver = inner.X
		case *ast.Ident:
			return inner.Name + "." + function.Name.Name
		default:
			return function.Name.Name
		}
	}
}

// CommentShare is the share of the lines that are comments, in percent.
func (m Measures) CommentShare() int {
	if m.Lines == 0 {
		return 0
	}
	return (100*m.Comments + m.Lines/2) / m.Lines
}

// Width is the width that a share of the lines do not exceed: 0.99 for p99.
func (m Measures) Width(share float64) int {
	if len(m.Widths) == 0 {
		return 0
	}
	widths := slices.Sorted(slices.Values(m.Widths))
	return widths[min(len(widths)-1, int(share*float64(len(widths))))]
}

// MedianFunction is the median length of the functions in lines.
func (m Measures) MedianFunction() int {
	if len(m.Functions) == 0 {
		return 0
	}
	var lines []int
	for _, function := range m.Functions {
		lines = append(lines, function.Lines)
	}
	slices.Sort(lines)
	return lines[len(lines)/2]
}

// LongestFunction is the length of the longest function in lines.
func (m Measures) LongestFunction() int {
	longest := 0
	for _, function := range m.Functions {
		longest = max(longest, function.Lines)
	}
	return longest
}

// MaxParameters is the largest number of parameters of a function.
func (m Measures) MaxParameters() int {
	most := 0
	for _, function := range m.Functions {
		most = max(most, function.Parameters)
	}
	return most
}

// ManyParameters are the functions with more than limit parameters.
func (m Measures) ManyParameters(limit int) []Function {
	var many []Function
	for _, function := range m.Functions {
		if function.Parameters > limit {
			many = append(many, function)
		}
	}
	return many
}
