package run_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const domains = "/apis/domains.cloudrun.com/v1/namespaces/demo-project/domainmappings"

// mapping is what gcloud sends for a new domain mapping.
func mapping(host, service string) string {
	return `{"apiVersion":"domains.cloudrun.com/v1","kind":"DomainMapping","metadata":{"name":"` + host +
		`","namespace":"demo-project"},"spec":{"routeName":"` + service + `"}}`
}

func TestADomainIsMappedListedAndTakenAway(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=shop", minimal)
	made := c.must("POST", domains, mapping("shop.example.com", "shop"))
	one := c.must("GET", domains+"/shop.example.com", "")
	if diff := cmp.Diff(made, one); diff != "" {
		t.Errorf("what create answered, and what get does (-create +get):\n%s", diff)
	}
	got := []any{at(one, "spec", "routeName"), at(one, "status", "mappedRouteName"),
		at(one, "metadata", "labels", "cloud.googleapis.com/location"),
		at(one, "metadata", "namespace"), at(one, "status", "conditions", 0, "status"),
		at(one, "status", "resourceRecords", 0, "rrdata")}
	if diff := cmp.Diff([]any{"shop", "shop", "us-central1", "123456789012", "True", "ghs.googlehosted.com."},
		got); diff != "" {
		t.Errorf("the mapping (-want +got):\n%s", diff)
	}
	for path, want := range map[string]int{
		domains: 1,
		"/v1/projects/demo-project/locations/us-central1/domainmappings":  1,
		"/v1/projects/demo-project/locations/-/domainmappings":            1,
		"/v1/projects/demo-project/locations/europe-west1/domainmappings": 0,
	} {
		items, _ := c.must("GET", path, "")["items"].([]any)
		if len(items) != want {
			t.Errorf("%s lists %d mappings, want %d", path, len(items), want)
		}
	}
	c.must("DELETE", domains+"/shop.example.com", "")
	if status, _ := c.call("GET", domains+"/shop.example.com", ""); status != http.StatusNotFound {
		t.Errorf("after its deletion the mapping answers %d, want 404", status)
	}
	var audited []string
	for _, record := range c.audit() {
		if record.ResourceName == "namespaces/demo-project/domainmappings/shop.example.com" {
			audited = append(audited, record.Method+" "+record.Location)
		}
	}
	want := []string{"google.cloud.run.v1.DomainMappings.CreateDomainMapping us-central1",
		"google.cloud.run.v1.DomainMappings.DeleteDomainMapping us-central1"}
	if diff := cmp.Diff(want, audited); diff != "" {
		t.Errorf("log entries (-want +got):\n%s", diff)
	}
}

func TestAMappingKeepsWhatItsOwnerSays(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=shop", minimal)
	c.must("POST", domains, `{"metadata":{"name":"shop.example.com","labels":{"team":"a"},"annotations":{"note":"b"}},
		"spec":{"routeName":"shop","certificateMode":2}}`)
	one := c.must("GET", domains+"/shop.example.com", "")
	got := []any{at(one, "metadata", "labels", "team"), at(one, "metadata", "annotations", "note"), at(one, "spec", "certificateMode")}
	if diff := cmp.Diff([]any{"a", "b", "AUTOMATIC"}, got); diff != "" {
		t.Errorf("the mapping (-want +got):\n%s", diff)
	}
	if status, got := c.call("POST", domains, `{"metadata":{"name":"a.example.com"},"spec":{"certificateMode":"SOON"}}`); status != 400 {
		t.Errorf("a mode that is none: %d %v", status, got)
	}
}

func TestADomainIsRefusedThatCannotBeMapped(t *testing.T) {
	c := start(t)
	c.write("POST", location+"/services?serviceId=shop", minimal)
	c.must("POST", domains, mapping("shop.example.com", "shop"))
	const elsewhere = "/v1/projects/demo-project/locations/europe-west1"
	c.write("POST", "/v2/projects/demo-project/locations/europe-west1/services?serviceId=shop", minimal)
	for _, tc := range []struct {
		name, path, body string
		want             int
	}{
		{"taken", domains, mapping("shop.example.com", "shop"), 409},
		{"taken in another region", elsewhere + "/domainmappings", mapping("shop.example.com", "shop"), 409},
		{"a service that is not there", domains, mapping("cart.example.com", "cart"), 404},
		{"no host", domains, mapping("shop", "shop"), 400},
		{"a path", domains, mapping("../shop.example.com", "shop"), 400},
	} {
		if status, answer := c.call("POST", tc.path, tc.body); status != tc.want {
			t.Errorf("%s: %d %v, want %d", tc.name, status, answer, tc.want)
		}
	}
	c.must("POST", elsewhere+"/domainmappings", `{"metadata":{"name":"shop.example.com"},"spec":{"routeName":"shop","forceOverride":true}}`)
	if status, _ := c.call("GET", domains+"/shop.example.com", ""); status != http.StatusNotFound {
		t.Errorf("the mapping that was overridden answers %d, want 404", status)
	}
}
