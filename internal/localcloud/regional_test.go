package localcloud_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
)

// The Google provider puts the region into the path, because the endpoint has one host.
func TestAPathMayNameTheRegionForAHost(t *testing.T) {
	base := serve(t, localcloud.Options{})
	for _, tc := range []struct {
		path string
		want int
		has  string
	}{
		{"/_regional/us-central1/apis/serving.knative.dev/v1/namespaces/demo-project/services/shop", 404, "us-central1"},
		{"/_regional/europe-west1/apis/serving.knative.dev/v1/namespaces/demo-project/services/shop", 404, "europe-west1"},
		{"/_regional/moon/apis/serving.knative.dev/v1/namespaces/demo-project/services/shop", 404, "was not found on this server"},
	} {
		request, err := http.NewRequest(http.MethodGet, base+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := send(t, request); status != tc.want || !strings.Contains(body, tc.has) {
			t.Errorf("%s: %d %s, want %d with %q", tc.path, status, body, tc.want, tc.has)
		}
	}
}
