package event

import (
	"reflect"
	"testing"
)

// structs collects a struct type and those of its fields, fields of fields …,
// that stand for JSON objects.
func structs(t reflect.Type, into map[reflect.Type]bool) {
	if t.Kind() != reflect.Struct || into[t] {
		return
	}
	if _, is := reflect.New(t).Interface().(interface{ seen() }); is && t.Name() != "object" && t.Name() != "open" {
		into[t] = true
	}
	for i := range t.NumField() {
		structs(t.Field(i).Type, into)
	}
}

func TestEveryStructAcceptsAnyValue(t *testing.T) {
	all := map[reflect.Type]bool{}
	for _, root := range []any{document{}, callRequest{}, callResponse{}, serviceData{}, binding{}, permission{},
		pubsubMessage{}, incident{}, commandMessage{}, heartbeatMessage{},
		writeRequest{}, writtenBinding{}, maskMessage{}} {
		structs(reflect.TypeOf(root), all)
	}
	if len(all) < 35 {
		t.Errorf("%d structs found: this test looks in the wrong place", len(all))
	}
	for one := range all {
		for _, value := range []string{`"..."`, `7`, `null`, `[{}]`, `true`} {
			into := reflect.New(one)
			if err := decode([]byte(value), into.Interface()); err != nil || !into.Elem().FieldByName("Present").IsZero() {
				t.Errorf("%s from %s: %v, want no error and nothing present", one, value, err)
			}
		}
		into := reflect.New(one)
		if err := decode([]byte(`{}`), into.Interface()); err != nil || into.Elem().FieldByName("Present").IsZero() {
			t.Errorf("%s from an object: %v, want no error and Present", one, err)
		}
	}
}
