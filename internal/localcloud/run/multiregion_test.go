package run_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	api "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
)

func TestAMultiRegionServiceIsInEachOfItsRegions(t *testing.T) {
	c := start(t)
	client, err := api.NewService(t.Context(), option.WithEndpoint(c.server.URL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	services := client.Projects.Locations.Services
	at := func(location string) string { return "projects/demo-project/locations/" + location }
	wanted := func(regions ...string) *api.GoogleCloudRunV2Service {
		return &api.GoogleCloudRunV2Service{
			MultiRegionSettings: &api.GoogleCloudRunV2MultiRegionSettings{Regions: regions},
			Template:            &api.GoogleCloudRunV2RevisionTemplate{Containers: []*api.GoogleCloudRunV2Container{{Image: "i"}}}}
	}
	names := func() (found []string) {
		t.Helper()
		for _, each := range []string{"global", "us-central1", "europe-west1", "asia-east1"} {
			list, err := services.List(at(each)).Do()
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list.Services {
				found = append(found, strings.TrimPrefix(one.Name, "projects/demo-project/locations/")+" "+one.Ingress)
			}
		}
		return found
	}

	for name, tc := range map[string]struct {
		location string
		sent     *api.GoogleCloudRunV2Service
	}{
		"global without regions":   {"global", wanted()},
		"a region that is not one": {"global", wanted("moon")},
		"regions in a region":      {"us-central1", wanted("us-central1")},
	} {
		if _, err := services.Create(at(tc.location), tc.sent).ServiceId("shop").Do(); clienttest.Code(err) != http.StatusBadRequest {
			t.Errorf("%s: %v, want 400", name, err)
		}
	}

	operation, err := services.Create(at("global"), wanted("us-central1", "europe-west1")).ServiceId("shop").Do()
	finish(t, client, operation, err)
	if diff := cmp.Diff([]string{"global/services/shop INGRESS_TRAFFIC_ALL", "us-central1/services/shop INGRESS_TRAFFIC_ALL",
		"europe-west1/services/shop INGRESS_TRAFFIC_ALL"}, names()); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	parent, err := services.Get(at("global") + "/services/shop").Do()
	if err != nil || parent.MultiRegionSettings.MultiRegionId == "" || parent.Uri != "" || len(parent.Urls) != 2 {
		t.Errorf("the service at global: %+v, %v", parent, err)
	}
	child, err := services.Get(at("europe-west1") + "/services/shop").Do()
	if err != nil || child.Uid == parent.Uid || !strings.Contains(child.Uri, "-ew.a.run.app") {
		t.Errorf("the service in a region: %+v, %v", child, err)
	}

	changed := wanted("us-central1", "asia-east1")
	changed.Ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"
	operation, err = services.Patch(at("global")+"/services/shop", changed).Do()
	finish(t, client, operation, err)
	if diff := cmp.Diff([]string{"global/services/shop INGRESS_TRAFFIC_INTERNAL_ONLY",
		"us-central1/services/shop INGRESS_TRAFFIC_INTERNAL_ONLY",
		"asia-east1/services/shop INGRESS_TRAFFIC_INTERNAL_ONLY"}, names()); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	after, err := services.Get(at("global") + "/services/shop").Do()
	if err != nil || after.MultiRegionSettings.MultiRegionId != parent.MultiRegionSettings.MultiRegionId {
		t.Errorf("the id changed: %+v, %v", after.MultiRegionSettings, err)
	}

	operation, err = services.Delete(at("global") + "/services/shop").Do()
	finish(t, client, operation, err)
	if left := names(); left != nil {
		t.Errorf("after the deletion there are %v", left)
	}
}
