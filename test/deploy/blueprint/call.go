package blueprint

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// call reads the module that a block calls, which has to be a folder.
func (m *Module) call(block *hclsyntax.Block) error {
	source, problems := block.Body.Attributes["source"].Expr.Value(nil)
	if problems.HasErrors() {
		return problems
	}
	child, err := read(filepath.Join(m.folder, source.AsString()), Options{Given: m.options.Given})
	if err != nil {
		return err
	}
	child.caller, child.passed = m, block.Body.Attributes
	m.children[block.Labels[0]] = child
	for name := range child.passed {
		if name != "source" && child.variables[name] == nil {
			return fmt.Errorf("the module %s has no variable %q", block.Labels[0], name)
		}
	}
	return nil
}

// answered returns an output of a called module, by CALL.OUTPUT.
func (m *Module) answered(name string) (cty.Value, error) {
	call, output, _ := strings.Cut(name, ".")
	if m.children[call] == nil {
		return cty.NilVal, fmt.Errorf("there is no module %q", call)
	}
	return m.children[call].value("output." + output)
}
