package blueprint

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/iapguard/iapguard/internal/strictyaml"
)

// functions are the Terraform functions that the module uses, and related ones.
// Most are go-cty's own, which Terraform uses too.
func (m *Module) functions() map[string]function.Function {
	all := map[string]function.Function{
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc, "regex": stdlib.RegexFunc, "replace": replace,
		"coalesce": coalesce, "length": length, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"keys":   stdlib.KeysFunc,
		"values": stdlib.ValuesFunc, "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc,
		"setproduct":  stdlib.SetProductFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "setintersection": stdlib.SetIntersectionFunc,
		"sort": stdlib.SortFunc, "compact": stdlib.CompactFunc, "zipmap": stdlib.ZipmapFunc, "slice": stdlib.SliceFunc,
		"range": stdlib.RangeFunc,
		"one":   one,
		"join":  stdlib.JoinFunc, "split": stdlib.SplitFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
		"lower": stdlib.LowerFunc, "upper": stdlib.UpperFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc,
		"trimspace":  stdlib.TrimSpaceFunc,
		"trimprefix": stdlib.TrimPrefixFunc, "trimsuffix": stdlib.TrimSuffixFunc, "substr": stdlib.SubstrFunc,
		"indent": stdlib.IndentFunc,
		"floor":  stdlib.FloorFunc, "ceil": stdlib.CeilFunc, "max": stdlib.MaxFunc, "min": stdlib.MinFunc,
		"jsonencode": stdlib.JSONEncodeFunc,
		"tostring":   stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number),
		"tobool":     stdlib.MakeToFunc(cty.Bool),
		"toset":      stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tolist":     stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"tomap":      stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"startswith": said(strings.HasPrefix), "endswith": said(strings.HasSuffix), "strcontains": said(strings.Contains),
		"alltrue": truthSearch(false), "anytrue": truthSearch(true),
		"base64encode": text(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }),
		"sha1": text(func(s string) (string, error) {
			sum := sha1.Sum([]byte(s))
			return hex.EncodeToString(sum[:]), nil
		}),
		"urlencode": text(func(s string) (string, error) { return url.QueryEscape(s), nil }),
		"basename":  text(func(path string) (string, error) { return filepath.Base(path), nil }),
		"fileset":   fileset, "regexall": stdlib.RegexAllFunc, "chomp": stdlib.ChompFunc, "reverse": stdlib.ReverseListFunc,
		"abs": stdlib.AbsoluteFunc, "parseint": stdlib.ParseIntFunc, "timeadd": stdlib.TimeAddFunc,
		"coalescelist": stdlib.CoalesceListFunc,
		"file": text(func(path string) (string, error) {
			content, err := os.ReadFile(path)
			return string(content), err
		}),
		"yamldecode": decodeYAML, "jsondecode": stdlib.JSONDecodeFunc,
	}
	all["templatefile"] = template(all)
	return all
}

func text(do func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}}, Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			made, err := do(args[0].AsString())
			return cty.StringVal(made), err
		},
	})
}

func said(holds func(text, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(holds(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// truthSearch returns a function that looks for a truth value, and whether it decides.
func truthSearch(wanted bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}}, Type: function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, each := range args[0].AsValueSlice() {
				if each.True() == wanted {
					return cty.BoolVal(wanted), nil
				}
			}
			return cty.BoolVal(!wanted), nil
		},
	})
}

// coalesce also skips empty text, unlike go-cty's.
var coalesce = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "values", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		for _, each := range args {
			if !each.IsNull() {
				return each.Type(), nil
			}
		}
		return cty.NilType, fmt.Errorf("all arguments are null")
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		for _, each := range args {
			if !each.IsNull() && !(each.Type() == cty.String && each.AsString() == "") {
				return each, nil
			}
		}
		return cty.NilVal, fmt.Errorf("all arguments are null or empty")
	},
})

var length = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if args[0].Type() == cty.String {
			return stdlib.Strlen(args[0])
		}
		return cty.NumberIntVal(int64(args[0].LengthInt())), nil
	},
})

// replace treats a pattern between slashes as a regular expression.
var replace = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "old", Type: cty.String},
		{Name: "new", Type: cty.String}},
	Type: function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if old := args[1].AsString(); len(old) > 1 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
			return stdlib.RegexReplace(args[0], cty.StringVal(old[1:len(old)-1]), args[2])
		}
		return stdlib.Replace(args[0], args[1], args[2])
	},
})

var decodeYAML = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		asJSON, err := strictyaml.JSON([]byte(args[0].AsString()), 32)
		if err != nil {
			return cty.NilType, err
		}
		return ctyjson.ImpliedType(asJSON)
	},
	Impl: func(args []cty.Value, kind cty.Type) (cty.Value, error) {
		asJSON, err := strictyaml.JSON([]byte(args[0].AsString()), 32)
		if err != nil {
			return cty.NilVal, err
		}
		return ctyjson.Unmarshal(asJSON, kind)
	},
})

// one returns the only element of a list, null of an empty one.
var one = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.DynamicPseudoType),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		elements := args[0].AsValueSlice()
		switch len(elements) {
		case 0:
			return cty.NullVal(cty.String), nil
		case 1:
			return elements[0], nil
		}
		return cty.NilVal, fmt.Errorf("one of %d elements", len(elements))
	},
})

// fileset returns the files of a folder that match a pattern.
var fileset = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "folder", Type: cty.String}, {Name: "pattern", Type: cty.String}},
	Type:   function.StaticReturnType(cty.Set(cty.String)),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		paths, err := filepath.Glob(filepath.Join(args[0].AsString(), args[1].AsString()))
		if err != nil || len(paths) == 0 {
			return cty.SetValEmpty(cty.String), err
		}
		var names []cty.Value
		for _, path := range paths {
			name, err := filepath.Rel(args[0].AsString(), path)
			if err != nil {
				return cty.NilVal, err
			}
			names = append(names, cty.StringVal(filepath.ToSlash(name)))
		}
		return cty.SetVal(names), nil
	},
})

// template renders a template file.
func template(functions map[string]function.Function) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "values", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			content, err := os.ReadFile(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			parsed, problems := hclsyntax.ParseTemplate(content, args[0].AsString(), hcl.InitialPos)
			if problems.HasErrors() {
				return cty.NilVal, problems
			}
			value, problems := parsed.Value(&hcl.EvalContext{Variables: args[1].AsValueMap(), Functions: functions})
			if problems.HasErrors() {
				return cty.NilVal, problems
			}
			return value, nil
		},
	})
}
