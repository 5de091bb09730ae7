package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	api "google.golang.org/api/run/v2"
)

func TestTagsHaveAnAddressAtEachOfTheServices(t *testing.T) {
	own := []string{"https://hello-1.us-central1.run.app", "https://hello-h-uc.a.run.app"}
	for _, tc := range []struct {
		name    string
		targets []*api.GoogleCloudRunV2TrafficTargetStatus
		own     []string
		want    []string
	}{
		{"no tag", []*api.GoogleCloudRunV2TrafficTargetStatus{{Percent: 100}}, own, nil},
		{"a tag", []*api.GoogleCloudRunV2TrafficTargetStatus{{Tag: "blue"}}, own,
			[]string{"https://blue---hello-1.us-central1.run.app", "https://blue---hello-h-uc.a.run.app"}},
		{"a tag with one of the addresses", []*api.GoogleCloudRunV2TrafficTargetStatus{
			{Tag: "blue", Uri: "https://blue---hello-h-uc.a.run.app"}}, own,
			[]string{"https://blue---hello-1.us-central1.run.app", "https://blue---hello-h-uc.a.run.app"}},
		{"a tag where the default URL is off", []*api.GoogleCloudRunV2TrafficTargetStatus{
			{Tag: "blue", Uri: "https://blue---hello-h-uc.a.run.app"}}, nil, []string{"https://blue---hello-h-uc.a.run.app"}},
	} {
		got := tagURLs(&api.GoogleCloudRunV2Service{TrafficStatuses: tc.targets}, tc.own)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
