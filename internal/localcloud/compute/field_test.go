package compute

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "google.golang.org/api/compute/v1"
)

// collect gathers the fields of a struct of Google's client, and of the
// messages in it that the table describes.
func collect(of reflect.Type, as string, found map[string][]string) {
	found[as] = []string{}
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		kind := field.Type
		if kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		if kind.Kind() == reflect.Pointer && fields[kind.Elem().Name()] != "" {
			kind = kind.Elem()
			name += ">" + kind.Name()
			collect(kind, kind.Name(), found)
		}
		found[as] = append(found[as], name)
	}
	slices.Sort(found[as])
}

func TestTheTableOfFieldsIsThatOfGooglesClient(t *testing.T) {
	want := map[string][]string{}
	for singular, of := range map[string]reflect.Type{
		"backendService":       reflect.TypeFor[api.BackendService](),
		"networkEndpointGroup": reflect.TypeFor[api.NetworkEndpointGroup](),
		"urlMap":               reflect.TypeFor[api.UrlMap](), "targetHttpProxy": reflect.TypeFor[api.TargetHttpProxy](),
		"targetHttpsProxy": reflect.TypeFor[api.TargetHttpsProxy](), "forwardingRule": reflect.TypeFor[api.ForwardingRule](),
		"sslCertificate": reflect.TypeFor[api.SslCertificate](), "address": reflect.TypeFor[api.Address](),
	} {
		collect(of, singular, want)
	}
	got := map[string][]string{}
	for message, text := range fields {
		got[message] = strings.Fields(text)
		slices.Sort(got[message])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-client +table):\n%s", diff)
	}
	for _, k := range kinds {
		if fields[k.singular] == "" {
			t.Errorf("kind %s has no fields", k.singular)
		}
	}
}
