package schema

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMaskPaths(t *testing.T) {
	for _, each := range []struct {
		mask string
		want [][]string
	}{
		{"", nil},
		{"*", [][]string{{"*"}}},
		{"iap_enabled, template.scaling.minInstanceCount", [][]string{{"iapEnabled"}, {"template", "scaling", "minInstanceCount"}}},
		{"labels.example.com/team", [][]string{{"labels", "example.com/team"}}},
		{"template.containers", [][]string{{"template", "containers"}}},
	} {
		got, err := Of("run/v2").Mask("GoogleCloudRunV2Service", each.mask)
		if diff := cmp.Diff(each.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", each.mask, err, diff)
		}
	}
	for _, mask := range []string{"colour", "template.colour", "template.containers.image", "description.x", "iapEnabled..x", "labels."} {
		_, err := Of("run/v2").Mask("GoogleCloudRunV2Service", mask)
		want := "Invalid update mask: field path '" + mask + "' does not exist in google.cloud.run.v2.Service."
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", mask, err, want)
		}
	}
}

func TestProjectSelectsFields(t *testing.T) {
	const answer = `{"kind":"k","items":[{"id":"1","owner":{"name":"a","mail":"b"}},{"id":"2"}],"map":{"x":{"n":1,"m":2},"y":{"n":3}}}`
	for fields, want := range map[string]string{
		"":                       answer,
		"*":                      answer,
		"kind":                   `{"kind":"k"}`,
		"items/id":               `{"items":[{"id":"1"},{"id":"2"}]}`,
		"items(id,owner/name)":   `{"items":[{"id":"1","owner":{"name":"a"}},{"id":"2"}]}`,
		"items/owner(mail),kind": `{"kind":"k","items":[{"owner":{"mail":"b"}},{}]}`,
		"items.id":               `{"items":[{"id":"1"},{"id":"2"}]}`,
		"map/*/n":                `{"map":{"x":{"n":1},"y":{"n":3}}}`,
		"items/id,items":         `{"items":[{"id":"1","owner":{"name":"a","mail":"b"}},{"id":"2"}]}`,
		"items/id,items/owner":   `{"items":[{"id":"1","owner":{"name":"a","mail":"b"}},{"id":"2"}]}`,
		"nothing":                `{}`,
	} {
		got, err := Project(any(decodeJSON(t, answer)), fields)
		if err != nil {
			t.Errorf("%q: %v", fields, err)
			continue
		}
		if diff := cmp.Diff(any(decodeJSON(t, want)), got); diff != "" {
			text, _ := json.Marshal(got)
			t.Errorf("%q selects %s (-want +got):\n%s", fields, text, diff)
		}
	}
	for _, fields := range []string{",", "a,", "a(", "a(b", "a)", "(a)", "a//b", "a(b)c", "a/", strings.Repeat("a(", 200)} {
		if _, err := Project(map[string]any{}, fields); err == nil || err.Error() != "Invalid field selection "+fields {
			t.Errorf("%q: %v", fields, err)
		}
	}
}

func TestFieldsAreCheckedAgainstTheMessage(t *testing.T) {
	for fields, want := range map[string]string{
		"services(name,template/containers/image),nextPageToken": "",
		"services/labels/anything":                               "",
		"services/*":                                             "",
		"services(name,colour)":                                  "services.colour",
		"nextPageToken/x":                                        "nextPageToken.x",
	} {
		err := Of("run/v2").CheckFields("GoogleCloudRunV2ListServicesResponse", fields)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.HasSuffix(err.Error(), "path '"+want+"'.")):
			t.Errorf("%q: %v, want path %q", fields, err, want)
		}
	}
}
