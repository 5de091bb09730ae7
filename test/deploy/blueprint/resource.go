package blueprint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Resource is one instance of a resource, as Terraform would create it.
type Resource struct {
	Address string // TYPE.NAME, TYPE.NAME["KEY"], without the module that it is in
	Kind    string
	// Values are its arguments, nested blocks as lists, and computed attributes.
	Values map[string]any
}

// Text returns a string argument, "" if it is not set. Steps lead into the first of
// nested blocks.
func (r Resource) Text(steps ...string) string {
	at := r.Values
	for _, step := range steps[:len(steps)-1] {
		list, _ := at[step].([]any)
		if len(list) == 0 {
			return ""
		}
		at, _ = list[0].(map[string]any)
	}
	text, _ := at[steps[len(steps)-1]].(string)
	return text
}

// Resources returns the instances of the given types, by default of every type, of a module
// and of those that it calls, ordered by address.
func (m *Module) Resources(kinds ...string) ([]Resource, error) {
	if len(kinds) == 0 {
		kinds = m.kinds()
	}
	var found []Resource
	for _, address := range slices.Sorted(maps.Keys(m.resources)) {
		block := m.resources[address]
		if block.Type != "resource" || !slices.Contains(kinds, block.Labels[0]) {
			continue
		}
		value, err := m.value(address)
		if err != nil {
			return nil, err
		}
		made, err := m.instances(address, block, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		found = append(found, made...)
	}
	for _, child := range m.children {
		made, err := child.Resources(kinds...)
		if err != nil {
			return nil, err
		}
		found = append(found, made...)
	}
	slices.SortFunc(found, func(a, b Resource) int { return strings.Compare(a.Address, b.Address) })
	return found, nil
}

// instances splits the value of a resource into its instances.
func (m *Module) instances(address string, block *hclsyntax.Block, value cty.Value) ([]Resource, error) {
	single := block.Body.Attributes["for_each"] == nil && block.Body.Attributes["count"] == nil
	text, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return nil, err
	}
	parts := map[string]json.RawMessage{"": text}
	if !single && value.Type().IsTupleType() {
		var list []json.RawMessage
		err = json.Unmarshal(text, &list)
		parts = map[string]json.RawMessage{}
		for i, part := range list {
			parts["["+strconv.Itoa(i)+"]"] = part
		}
	} else if !single {
		var keyed map[string]json.RawMessage
		err = json.Unmarshal(text, &keyed)
		parts = map[string]json.RawMessage{}
		for key, part := range keyed {
			parts["["+strconv.Quote(key)+"]"] = part
		}
	}
	var made []Resource
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		one := Resource{Address: address + key, Kind: block.Labels[0]}
		if failed := json.Unmarshal(parts[key], &one.Values); failed != nil && err == nil {
			err = failed
		}
		made = append(made, one)
	}
	return made, err
}

// multiplied returns a resource: one object, a tuple of objects for count, or an object
// of objects for for_each.
func (m *Module) multiplied(address string, block *hclsyntax.Block) (cty.Value, error) {
	if attribute := block.Body.Attributes["count"]; attribute != nil {
		count, err := m.evaluate(attribute.Expr, nil)
		if err != nil {
			return cty.NilVal, err
		}
		number, _ := count.AsBigFloat().Int64()
		var all []cty.Value
		for i := range number {
			one, err := m.instance(address, block, map[string]cty.Value{
				"count": cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(i)})})
			if err != nil {
				return cty.NilVal, err
			}
			all = append(all, one)
		}
		return cty.TupleVal(all), nil
	}
	attribute := block.Body.Attributes["for_each"]
	if attribute == nil {
		return m.instance(address, block, nil)
	}
	over, err := m.evaluate(attribute.Expr, nil)
	if err != nil {
		return cty.NilVal, err
	}
	all := map[string]cty.Value{}
	for key, value := range over.Elements() {
		if over.Type().IsSetType() {
			key = value
		}
		one, err := m.instance(address, block, map[string]cty.Value{
			"each": cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})})
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", key.AsString(), err)
		}
		all[key.AsString()] = one
	}
	return cty.ObjectVal(all), nil
}

// notArguments are meta-arguments, for Terraform itself.
var notArguments = []string{"count", "for_each", "depends_on", "provider", "lifecycle", "provisioner",
	"connection", "timeouts"}

// instance returns one instance with its computed attributes.
func (m *Module) instance(address string, block *hclsyntax.Block, scope map[string]cty.Value) (cty.Value, error) {
	values, err := m.arguments(block.Body, scope)
	if err != nil {
		return cty.NilVal, err
	}
	if err := m.compute(address, values); err != nil {
		return cty.NilVal, err
	}
	return cty.ObjectVal(values), nil
}

// arguments returns the arguments of a block, its nested blocks as tuples.
func (m *Module) arguments(body *hclsyntax.Body, scope map[string]cty.Value) (map[string]cty.Value, error) {
	values := map[string]cty.Value{}
	for name, attribute := range body.Attributes {
		if slices.Contains(notArguments, name) {
			continue
		}
		value, err := m.evaluate(attribute.Expr, scope)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		values[name] = value
	}
	nested := map[string][]cty.Value{}
	for _, block := range body.Blocks {
		if slices.Contains(notArguments, block.Type) {
			continue
		}
		made, name, err := m.nested(block, scope)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		nested[name] = append(nested[name], made...)
	}
	for name, all := range nested {
		values[name] = cty.TupleVal(all)
	}
	return values, nil
}

// nested returns the objects of a nested or dynamic block, and its name.
func (m *Module) nested(block *hclsyntax.Block, scope map[string]cty.Value) (made []cty.Value, name string, err error) {
	if block.Type != "dynamic" {
		values, err := m.arguments(block.Body, scope)
		return []cty.Value{cty.ObjectVal(values)}, block.Type, err
	}
	name = block.Labels[0]
	over, err := m.evaluate(block.Body.Attributes["for_each"].Expr, scope)
	if err != nil {
		return nil, name, err
	}
	for key, value := range over.Elements() {
		if over.Type().IsSetType() {
			key = value
		}
		inner := map[string]cty.Value{name: cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})}
		maps.Copy(inner, withoutKey(scope, name))
		values, err := m.arguments(block.Body.Blocks[0].Body, inner)
		if err != nil {
			return nil, name, err
		}
		made = append(made, cty.ObjectVal(values))
	}
	return made, name, nil
}

func withoutKey(scope map[string]cty.Value, name string) map[string]cty.Value {
	left := maps.Clone(scope)
	delete(left, name)
	return left
}

// compute adds computed attributes: those that follow from the arguments, and those that
// were given for this resource.
func (m *Module) compute(address string, values map[string]cty.Value) error {
	kind := address[:strings.LastIndexByte(address, '.')]
	for name, pattern := range computed[kind] {
		text := place.ReplaceAllStringFunc(pattern, func(found string) string {
			value, ok := values[found[1:len(found)-1]]
			if !ok || value.IsNull() || value.Type() != cty.String {
				return found
			}
			return value.AsString()
		})
		if missing := place.FindString(text); missing != "" {
			return fmt.Errorf("%s of %s needs the argument %s", name, address, missing)
		}
		if !strings.HasPrefix(text, "[") {
			values[name] = cty.StringVal(text)
			continue
		}
		typed, err := ctyjson.ImpliedType([]byte(text))
		if err != nil {
			return err
		}
		if values[name], err = ctyjson.Unmarshal([]byte(text), typed); err != nil {
			return err
		}
	}
	for given, value := range m.options.Given {
		if name, ok := strings.CutPrefix(given, address+"."); ok {
			values[name] = cty.StringVal(value)
		}
	}
	return nil
}
