package estate

import "reflect"

// Smaller yields the estates that lack one part of this one: an element of a
// list, a switch that is on, a text that may be empty.
func (e Estate) Smaller(yield func(Estate) bool) {
	for n := 0; ; n++ {
		smaller := e.clone()
		cut := cutter{left: n}
		cut.in(reflect.ValueOf(&smaller).Elem())
		if !cut.done {
			return
		}
		if !yield(smaller.tidied()) {
			return
		}
	}
}

// Shrink removes parts of an estate as long as what is left fails.
func Shrink(e Estate, fails func(Estate) bool) Estate {
	for again := true; again; {
		again = false
		for smaller := range e.Smaller {
			if fails(smaller) {
				e, again = smaller, true
				break
			}
		}
	}
	return e
}

// required are the texts without which a part means nothing.
var required = map[string]bool{"Name": true, "Region": true, "Member": true, "Role": true, "At": true, "MaskAt": true,
	"Prefix": true, "Backend": true}

// cutter makes the cut number left of a value.
type cutter struct {
	left int
	done bool
}

// here reports whether the cut is to be made now.
func (c *cutter) here() bool {
	if c.done {
		return false
	}
	c.left--
	c.done = c.left < 0
	return c.done
}

func (c *cutter) in(value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			if !required[value.Type().Field(i).Name] {
				c.in(value.Field(i))
			} else if value.Field(i).Kind() != reflect.String {
				c.in(value.Field(i))
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			if c.here() {
				value.Set(reflect.AppendSlice(value.Slice(0, i), value.Slice(i+1, value.Len())))
				return
			}
		}
		for i := range value.Len() {
			if value.Index(i).Kind() == reflect.Struct {
				c.in(value.Index(i))
			}
			if c.done {
				return
			}
		}
	case reflect.Bool:
		if value.Bool() && c.here() {
			value.SetBool(false)
		}
	case reflect.String:
		if value.String() != "" && c.here() {
			value.SetString("")
		}
	}
}
