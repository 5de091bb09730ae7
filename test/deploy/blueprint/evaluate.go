package blueprint

import (
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// evaluate evaluates an expression after everything that it refers to. scope has the
// local names: each, count, the iterators of dynamic blocks.
func (m *Module) evaluate(expression hclsyntax.Expression, scope map[string]cty.Value) (cty.Value, error) {
	path, err := fromGo(map[string]any{"module": m.folder, "root": m.folder, "cwd": m.folder})
	if err != nil {
		return cty.NilVal, err
	}
	known, err := m.mentioned(expression, scope)
	if err != nil {
		return cty.NilVal, err
	}
	known["path"] = path
	maps.Copy(known, scope)
	value, problems := expression.Value(&hcl.EvalContext{Functions: m.functions(), Variables: known})
	if problems.HasErrors() {
		return cty.NilVal, problems
	}
	return value, nil
}

// mentioned returns the values that an expression refers to outside of the scope, as
// roots for HCL: var, local, data, module, a type of resource.
func (m *Module) mentioned(expression hclsyntax.Expression, scope map[string]cty.Value) (map[string]cty.Value, error) {
	tree := map[string]map[string]cty.Value{} // last parts of addresses, by their first part
	for _, mention := range expression.Variables() {
		full := address(mention)
		if _, here := scope[mention.RootName()]; here || mention.RootName() == "path" {
			continue
		}
		value, err := m.value(full)
		if err != nil {
			return nil, err
		}
		cut := strings.LastIndexByte(full, '.')
		if tree[full[:cut]] == nil {
			tree[full[:cut]] = map[string]cty.Value{}
		}
		tree[full[:cut]][full[cut+1:]] = value
	}
	known, two := map[string]cty.Value{}, map[string]map[string]cty.Value{"data": {}, "module": {}}
	for root, values := range tree {
		if first, second, nested := strings.Cut(root, "."); nested {
			two[first][second] = cty.ObjectVal(values)
			continue
		}
		known[root] = cty.ObjectVal(values)
	}
	known["data"], known["module"] = cty.ObjectVal(two["data"]), cty.ObjectVal(two["module"])
	return known, nil
}

// address returns the part of a reference that names an object of the module: two
// steps, three for data and modules.
func address(mention hcl.Traversal) string {
	length := 2
	if mention.RootName() == "data" || mention.RootName() == "module" {
		length = 3
	}
	names := []string{mention.RootName()}
	for _, step := range mention[1:min(length, len(mention))] {
		if attribute, ok := step.(hcl.TraverseAttr); ok {
			names = append(names, attribute.Name)
		}
	}
	return strings.Join(names, ".")
}
