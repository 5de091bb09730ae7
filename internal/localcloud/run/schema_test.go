package run

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "google.golang.org/api/run/v2"
)

// clientFields are the messages of Google's client below a struct: for each,
// the names of its fields and what they hold ("*" = a list, ">" = a message).
func clientFields(of reflect.Type, found map[string][]string) {
	name := strings.TrimPrefix(of.Name(), "GoogleCloudRunV2")
	if _, done := found[name]; done {
		return
	}
	found[name] = []string{}
	for i := range of.NumField() {
		field := of.Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if tag == "" || tag == "-" {
			continue
		}
		kind := field.Type
		shape := tag
		if kind.Kind() == reflect.Slice {
			kind, shape = kind.Elem(), shape+"*"
		}
		if kind.Kind() == reflect.Pointer && kind.Elem().Kind() == reflect.Struct {
			shape += ">" + strings.TrimPrefix(kind.Elem().Name(), "GoogleCloudRunV2")
			clientFields(kind.Elem(), found)
		}
		found[name] = append(found[name], shape)
	}
	slices.Sort(found[name])
}

func TestTheTableOfFieldsIsThatOfGooglesClient(t *testing.T) {
	want := map[string][]string{}
	clientFields(reflect.TypeFor[api.GoogleCloudRunV2Service](), want)
	got := map[string][]string{}
	for message, fields := range schema() {
		got[message] = []string{}
		for name, f := range fields {
			if f.repeated {
				name += "*"
			}
			if f.kind == "message" {
				name += ">" + f.of
			}
			got[message] = append(got[message], name)
		}
		slices.Sort(got[message])
	}
	// What only the server writes is not described further in the table.
	serverOnly := func(message string) func(string) bool {
		return func(field string) bool {
			name := strings.TrimSuffix(strings.SplitN(field, ">", 2)[0], "*")
			return schema()[message][name].serverOnly
		}
	}
	for message := range want {
		if _, ok := got[message]; !ok {
			delete(want, message) // reached only through such fields
			continue
		}
		want[message] = slices.DeleteFunc(want[message], serverOnly(message))
		got[message] = slices.DeleteFunc(got[message], serverOnly(message))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-client +table):\n%s", diff)
	}
	for message, fields := range schema() {
		for name, f := range fields {
			if f.kind == "enum" && enums[f.of] == "" {
				t.Errorf("%s.%s: there is no enum %s", message, name, f.of)
			}
		}
	}
}
