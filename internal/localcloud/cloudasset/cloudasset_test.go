package cloudasset_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	cloudasset "google.golang.org/api/cloudasset/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

const project, org = "projects/demo-project", "organizations/987654321098"

// stranger calls as somebody without roles.
type stranger struct{}

func (stranger) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer user:stranger@example.com")
	return http.DefaultTransport.RoundTrip(r)
}

// start serves a cloud with a public service and a backend service that alice may
// pass, in a project in the second of two folders.
func start(t *testing.T) (client func(http.RoundTripper) *cloudasset.Service) {
	t.Helper()
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t)})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	for _, call := range [][2]string{
		{"/v2/projects/demo-project/locations/us-central1/services?serviceId=shop",
			`{"labels": {"team": "shop"}, "template": {"containers": [{"image": "i"}]}}`},
		{"/v2/projects/demo-project/locations/us-central1/services/shop:setIamPolicy",
			`{"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]},
				{"role": "roles/run.viewer", "members": ["user:bob@example.com"]}]}}`},
		{"/compute/v1/projects/demo-project/global/backendServices", `{"name": "be"}`},
		{"/v1/projects/demo-project/iap_web/compute/services/be:setIamPolicy", `{"policy": {"bindings": [
			{"role": "roles/iap.httpsResourceAccessor", "members": ["user:alice@example.com"]}]}}`},
		{"/v3/folders", `{"parent": "` + org + `", "displayName": "empty"}`},
		{"/v3/folders", `{"parent": "` + org + `", "displayName": "full"}`},
		{"/v3/projects/demo-project:move", `{"destinationParent": "folders/410000000002"}`},
	} {
		response, err := http.Post(server.URL+call[0], "application/json", strings.NewReader(call[1]))
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", call[0], response.Status)
		}
	}
	return func(transport http.RoundTripper) *cloudasset.Service {
		c, err := cloudasset.NewService(t.Context(), option.WithEndpoint(server.URL),
			option.WithHTTPClient(&http.Client{Transport: transport}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestResourcesAreFoundByTypeAndQueryInAScope(t *testing.T) {
	c := start(t)(http.DefaultTransport)
	const (
		shop    = "//run.googleapis.com/projects/demo-project/locations/us-central1/services/shop"
		backend = "//compute.googleapis.com/projects/demo-project/global/backendServices/be"
	)
	for _, tc := range []struct {
		scope, query string
		types        []string
		want         []string
	}{
		{project, "", []string{"run.googleapis.com/Service", "compute.googleapis.com.*"}, []string{backend, shop}},
		{org, "labels.team:shop", nil, []string{shop}},
		{"projects/123456789012", "name:shop location=us-central1", nil, []string{shop}},
		{"folders/410000000002", "assetType:*BackendService", nil, []string{backend}},
		{"folders/410000000001", "", nil, []string{"//cloudresourcemanager.googleapis.com/folders/410000000001"}},
		{org, "folders:folders/410000000002 shop", nil, []string{shop}},
		{project, "name:nothing", nil, nil},
	} {
		var got []string
		call := c.V1.SearchAllResources(tc.scope).Query(tc.query).AssetTypes(tc.types...).PageSize(1)
		err := call.Pages(t.Context(), func(page *cloudasset.SearchAllResourcesResponse) error {
			for _, each := range page.Results {
				got = append(got, each.Name)
			}
			return nil
		})
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s %q %v: %v (-want +got):\n%s", tc.scope, tc.query, tc.types, err, diff)
		}
	}
	found, err := c.V1.SearchAllResources(org).Query("name:shop").Do()
	if err != nil || len(found.Results) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	want := &cloudasset.ResourceSearchResult{Name: shop, AssetType: "run.googleapis.com/Service", Location: "us-central1",
		DisplayName: "shop", Labels: map[string]string{"team": "shop"}, Project: "projects/123456789012",
		Folders: []string{"folders/410000000002"}, Organization: org}
	got := found.Results[0]
	got.CreateTime, got.UpdateTime = "", ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPoliciesAreFoundByMemberWithTheirBindings(t *testing.T) {
	c := start(t)(http.DefaultTransport)
	for query, want := range map[string]string{
		"policy:allUsers":                       "run.googleapis.com/Service roles/run.invoker",
		"policy:alice@example.com":              "iap.googleapis.com/WebService roles/iap.httpsResourceAccessor",
		`policy:"user:bob@example.com"`:         "run.googleapis.com/Service roles/run.viewer",
		"policy:(allUsers OR roles/run.viewer)": "run.googleapis.com/Service roles/run.invoker roles/run.viewer",
		"roles:roles/owner resource:*projects*": "cloudresourcemanager.googleapis.com/Project roles/owner",
		"memberTypes:allUsers":                  "run.googleapis.com/Service roles/run.invoker",
	} {
		found, err := c.V1.SearchAllIamPolicies(org).Query(query).Do()
		if err != nil || len(found.Results) != 1 {
			t.Errorf("%s: %+v, %v, want one policy", query, found, err)
			continue
		}
		got := found.Results[0].AssetType
		for _, binding := range found.Results[0].Policy.Bindings {
			got += " " + binding.Role
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestASearchThatCannotBeIsRefused(t *testing.T) {
	client := start(t)
	c := client(http.DefaultTransport)
	do := func(by *cloudasset.Service, scope, query, assetType string) error {
		call := by.V1.SearchAllResources(scope).Query(query)
		if assetType != "" {
			call = call.AssetTypes(assetType)
		}
		_, err := call.Do()
		return err
	}
	_, token := c.V1.SearchAllIamPolicies(project).PageToken("!").Do()
	for name, tc := range map[string]struct {
		err  error
		want int
	}{
		"without the permission": {do(client(stranger{}), project, "", ""), 403},
		"another project":        {do(c, "projects/other", "", ""), 403},
		"an unknown folder":      {do(c, "folders/1", "", ""), 403},
		"an unknown key":         {do(c, project, "colour:red", ""), 400},
		"a parenthesis":          {do(c, project, "(name:a", ""), 400},
		"a type":                 {do(c, project, "", "("), 400},
		"a page token":           {token, 400},
	} {
		var refused *googleapi.Error
		if !errors.As(tc.err, &refused) || refused.Code != tc.want {
			t.Errorf("%s: %v, want %d", name, tc.err, tc.want)
		}
	}
}
