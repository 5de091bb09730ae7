// Package blueprint reads the Terraform module in deploy/terraform without Terraform: it
// validates variables, evaluates expressions, and expands count and for_each. Tests
// compare the resources with the code, and create them in the local cloud.
//
// Attributes that Google computes, such as an account's e-mail address, are in
// computed.go, or the test gives them.
package blueprint

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"
)

// Options are the inputs of a module.
type Options struct {
	// Variables are the module's input, as Go values: string, bool, float64,
	// []any, map[string]any.
	Variables map[string]any
	// Given are attributes that Google computes, by address without the module:
	// "google_cloud_run_v2_service.function.uri".
	Given map[string]string
}

// Module is a module with its variables set. It is not safe for concurrent use.
type Module struct {
	folder    string
	options   Options
	variables map[string]*hclsyntax.Block
	locals    map[string]hclsyntax.Expression
	resources map[string]*hclsyntax.Block // by address: TYPE.NAME, data.TYPE.NAME
	outputs   map[string]hclsyntax.Expression
	children  map[string]*Module   // by the name of the call
	caller    *Module              // nil of the root
	passed    hclsyntax.Attributes // what the caller passes
	known     map[string]cty.Value // by address: var.X, local.X, TYPE.NAME
	busy      map[string]bool      // addresses in evaluation, to find cycles
}

// Load reads the .tf files of a folder and of the modules that it calls, and validates the
// variables. Its error has the messages of all failed validations.
func Load(folder string, options Options) (*Module, error) {
	m, err := read(folder, options)
	if err != nil {
		return nil, err
	}
	for name := range options.Variables {
		if m.variables[name] == nil {
			return nil, fmt.Errorf("the module has no variable %q", name)
		}
	}
	return m, m.validate()
}

func read(folder string, options Options) (*Module, error) {
	m := &Module{
		folder: folder, options: options, variables: map[string]*hclsyntax.Block{}, locals: map[string]hclsyntax.Expression{},
		resources: map[string]*hclsyntax.Block{}, outputs: map[string]hclsyntax.Expression{}, children: map[string]*Module{},
		known: map[string]cty.Value{}, busy: map[string]bool{},
	}
	files, err := Files(folder)
	if err != nil {
		return nil, err
	}
	for _, body := range files {
		if err := m.add(body); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Folders returns the folder of a module and those of the modules inside of it.
func Folders(folder string) ([]string, error) {
	inside, err := filepath.Glob(filepath.Join(folder, "modules", "*"))
	return append([]string{folder}, inside...), err
}

// Files returns the parsed .tf files of a folder, by name.
func Files(folder string) (map[string]*hclsyntax.Body, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.tf"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no .tf files in %s: %w", folder, err)
	}
	files := map[string]*hclsyntax.Body{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		file, problems := hclsyntax.ParseConfig(text, path, hcl.InitialPos)
		if problems.HasErrors() {
			return nil, problems
		}
		files[filepath.Base(path)] = file.Body.(*hclsyntax.Body)
	}
	return files, nil
}

func (m *Module) add(body *hclsyntax.Body) error {
	for _, block := range body.Blocks {
		switch block.Type {
		case "variable":
			m.variables[block.Labels[0]] = block
		case "locals":
			for name, attribute := range block.Body.Attributes {
				m.locals[name] = attribute.Expr
			}
		case "resource":
			m.resources[strings.Join(block.Labels, ".")] = block
		case "data":
			m.resources["data."+strings.Join(block.Labels, ".")] = block
		case "output":
			m.outputs[block.Labels[0]] = block.Body.Attributes["value"].Expr
		case "module":
			if err := m.call(block); err != nil {
				return err
			}
		}
	}
	return nil
}

// validate checks every variable, which is Terraform's first step. What is passed on is
// checked once the caller's own variables are right.
func (m *Module) validate() error {
	var problems []error
	for name, block := range m.variables {
		if _, err := m.value("var." + name); err != nil {
			problems = append(problems, err)
			continue
		}
		for _, nested := range block.Body.Blocks {
			if nested.Type != "validation" {
				continue
			}
			held, err := m.evaluate(nested.Body.Attributes["condition"].Expr, nil)
			if err == nil && held.False() {
				message, failed := m.evaluate(nested.Body.Attributes["error_message"].Expr, nil)
				if err = failed; err == nil {
					err = errors.New(message.AsString())
				}
			}
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.children)) {
		problems = append(problems, m.children[name].validate())
	}
	return errors.Join(problems...)
}

// value returns a variable, a local or the instances of a resource, by address.
func (m *Module) value(address string) (cty.Value, error) {
	if known, ok := m.known[address]; ok {
		return known, nil
	}
	if m.busy[address] {
		return cty.NilVal, fmt.Errorf("%s depends on itself", address)
	}
	m.busy[address] = true
	defer delete(m.busy, address)
	value, err := m.work(address)
	if err != nil {
		return cty.NilVal, fmt.Errorf("%s: %w", address, err)
	}
	m.known[address] = value
	return value, nil
}

func (m *Module) work(address string) (cty.Value, error) {
	root, name, _ := strings.Cut(address, ".")
	switch {
	case root == "var" && m.variables[name] != nil:
		return m.variable(name)
	case root == "local" && m.locals[name] != nil:
		return m.evaluate(m.locals[name], nil)
	case root == "output" && m.outputs[name] != nil:
		return m.evaluate(m.outputs[name], nil)
	case root == "module":
		return m.answered(name)
	case m.resources[address] != nil:
		return m.multiplied(address, m.resources[address])
	}
	return cty.NilVal, errors.New("the module does not declare it")
}

// variable returns the given value or the default, converted to the variable's type.
func (m *Module) variable(name string) (cty.Value, error) {
	body := m.variables[name].Body
	kind, defaults, problems := typeexpr.TypeConstraintWithDefaults(body.Attributes["type"].Expr)
	if problems.HasErrors() {
		return cty.NilVal, problems
	}
	var value cty.Value
	if given, ok := m.options.Variables[name]; ok {
		var err error
		if value, err = fromGo(given); err != nil {
			return cty.NilVal, err
		}
	} else if attribute := m.passed[name]; attribute != nil {
		var err error
		if value, err = m.caller.evaluate(attribute.Expr, nil); err != nil {
			return cty.NilVal, err
		}
	} else if attribute := body.Attributes["default"]; attribute != nil {
		var err error
		if value, err = m.evaluate(attribute.Expr, nil); err != nil {
			return cty.NilVal, err
		}
	} else {
		return cty.NilVal, errors.New("it has no default, and was not given")
	}
	if defaults != nil && !value.IsNull() {
		value = defaults.Apply(value)
	}
	return convert.Convert(value, kind)
}

func fromGo(given any) (cty.Value, error) {
	switch given := given.(type) {
	case map[string]any:
		object := map[string]cty.Value{}
		for key, each := range given {
			value, err := fromGo(each)
			if err != nil {
				return cty.NilVal, err
			}
			object[key] = value
		}
		return cty.ObjectVal(object), nil
	case []any:
		var all []cty.Value
		for _, each := range given {
			value, err := fromGo(each)
			if err != nil {
				return cty.NilVal, err
			}
			all = append(all, value)
		}
		return cty.TupleVal(all), nil
	}
	kind, err := gocty.ImpliedType(given)
	if err != nil {
		return cty.NilVal, err
	}
	return gocty.ToCtyValue(given, kind)
}

// kinds returns the types of the resources of a module and of those that it calls.
func (m *Module) kinds() []string {
	var kinds []string
	for _, child := range m.children {
		kinds = append(kinds, child.kinds()...)
	}
	for _, block := range m.resources {
		if block.Type == "resource" {
			kinds = append(kinds, block.Labels[0])
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
