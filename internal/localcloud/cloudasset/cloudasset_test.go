package cloudasset_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

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

// What IAP keeps is listed, and no search finds it.
func TestPoliciesOfIAPAreListedAndNotSearched(t *testing.T) {
	c := start(t)(http.DefaultTransport)
	if found, err := c.V1.SearchAllIamPolicies(org).Query("policy:alice@example.com").Do(); err != nil || len(found.Results) > 0 {
		t.Errorf("a search finds %+v, %v", found, err)
	}
	types := []string{"run.googleapis.com/Service", "iap.googleapis.com/WebService"}
	for _, scope := range []string{org, "folders/410000000002", project, "projects/123456789012"} {
		var got []string
		list := c.Assets.List(scope).ContentType("IAM_POLICY").AssetTypes(types...).PageSize(1)
		err := list.Pages(t.Context(), func(page *cloudasset.ListAssetsResponse) error {
			for _, each := range page.Assets {
				name, _, _ := strings.Cut(each.Name, "/services/") // what follows is an id of IAP's
				got = append(got, strings.Join([]string{name, each.Ancestors[0], each.IamPolicy.Bindings[0].Role}, " "))
				if each.UpdateTime == "" || page.ReadTime < each.UpdateTime {
					t.Errorf("%s was updated at %q, and read at %q", each.Name, each.UpdateTime, page.ReadTime)
				}
			}
			return nil
		})
		want := []string{
			"//iap.googleapis.com/projects/123456789012/iap_web/compute projects/123456789012 roles/iap.httpsResourceAccessor",
			"//run.googleapis.com/projects/demo-project/locations/us-central1 projects/123456789012 roles/run.invoker"}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", scope, err, diff)
		}
	}
	if _, err := c.Assets.List(org).Do(); err == nil {
		t.Error("assets without content are listed")
	}
}

func TestTheInventoryMayShowWhatWas(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	cloud := localcloud.New(localcloud.Options{Discovery: discovery.Judge(t), Clock: func() time.Time { return now }})
	server := httptest.NewServer(cloud)
	t.Cleanup(func() { server.Close(); cloud.Close() })
	post := func(path, body string) {
		t.Helper()
		response, err := http.Post(server.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, response.Status)
		}
	}
	const services = "/v2/projects/demo-project/locations/us-central1/services"
	grant := func(service, member string) {
		post(services+"/"+service+":setIamPolicy",
			`{"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["`+member+`"]}]}}`)
	}
	post("/_local/faults", `[{"action":"stale-inventory","delay":"10m"}]`)
	post(services+"?serviceId=shop", `{"template": {"containers": [{"image": "i"}]}}`)
	grant("shop", "user:bob@example.com")
	now = now.Add(9 * time.Minute)
	grant("shop", "allUsers")
	c, err := cloudasset.NewService(t.Context(), option.WithEndpoint(server.URL), option.WithHTTPClient(http.DefaultClient))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after     time.Duration
		resources int
		member    string
	}{{0, 0, ""}, {time.Minute + time.Second, 1, "user:bob@example.com"}, {9 * time.Minute, 1, "allUsers"}} {
		now = now.Add(step.after)
		found, err := c.V1.SearchAllResources(project).AssetTypes("run.googleapis.com/Service").Do()
		if err != nil || len(found.Results) != step.resources {
			t.Errorf("%v later: %d services, %v; want %d", step.after, len(found.Results), err, step.resources)
		}
		listed, err := c.Assets.List(project).ContentType("IAM_POLICY").AssetTypes("run.googleapis.com/Service").Do()
		member := ""
		for _, each := range listed.Assets {
			member += each.IamPolicy.Bindings[0].Members[0]
		}
		if err != nil || member != step.member {
			t.Errorf("%v later: %q may invoke, %v; want %q", step.after, member, err, step.member)
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
