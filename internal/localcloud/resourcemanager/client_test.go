package resourcemanager_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "google.golang.org/api/cloudresourcemanager/v1"
	v2 "google.golang.org/api/cloudresourcemanager/v2"
	v3 "google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const org = "organizations/987654321098"

// clients are Google's own, of each version, for one caller.
type clients struct {
	v1 *v1.Service
	v2 *v2.Service
	v3 *v3.Service
}

// caller adds a token to what a client sends.
type caller struct{ token string }

func (c caller) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+c.token)
	return http.DefaultTransport.RoundTrip(r)
}

// serve starts the API over HTTP. What it returns makes the clients of a caller.
func serve(t *testing.T) func(token string) clients {
	t.Helper()
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now})
	t.Cleanup(s.Close)
	s.Serve(resourcemanager.New(s, resourcemanager.Options{}))
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return func(token string) clients {
		options := []option.ClientOption{option.WithEndpoint(server.URL),
			option.WithHTTPClient(&http.Client{Transport: caller{token}})}
		var all clients
		var err1, err2, err3 error
		all.v1, err1 = v1.NewService(t.Context(), options...)
		all.v2, err2 = v2.NewService(t.Context(), options...)
		all.v3, err3 = v3.NewService(t.Context(), options...)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		return all
	}
}

// made is the name of a folder that v3 made.
func made(t *testing.T, c clients, parent, name string) string {
	t.Helper()
	operation, err := c.v3.Folders.Create(&v3.Folder{Parent: parent, DisplayName: name}).Do()
	if err != nil {
		t.Fatal(err)
	}
	ended, err := c.v3.Operations.Get(operation.Name).Do()
	if err != nil || !ended.Done {
		t.Fatalf("the operation: %+v, %v", ended, err)
	}
	found, err := c.v3.Folders.Search().Query("displayName=" + name).Do()
	if err != nil || len(found.Folders) != 1 {
		t.Fatalf("searching %s: %+v, %v", name, found, err)
	}
	return found.Folders[0].Name
}

// status is the HTTP status of an error, 200 for none.
func status(err error) int {
	var refused *googleapi.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return -1
	}
	return http.StatusOK
}

func TestEachVersionShowsAFolderInItsOwnShape(t *testing.T) {
	c := serve(t)("user:owner@example.com")
	outer := made(t, c, org, "outer")
	inner := made(t, c, outer, "inner")
	old, err := c.v2.Folders.Get(inner).Do()
	if err != nil || old.LifecycleState != "ACTIVE" || old.Parent != outer || old.DisplayName != "inner" {
		t.Errorf("v2: %+v, %v", old, err)
	}
	if changed, err := c.v2.Folders.Patch(inner, &v2.Folder{DisplayName: "renamed"}).UpdateMask("display_name").Do(); err != nil ||
		changed.DisplayName != "renamed" {
		t.Errorf("renamed: %+v, %v", changed, err)
	}
	if _, err := c.v3.Folders.Move(inner, &v3.MoveFolderRequest{DestinationParent: org}).Do(); err != nil {
		t.Error(err)
	}
	listed, err := c.v2.Folders.List().Parent(org).PageSize(1).Do()
	if err != nil || len(listed.Folders) != 1 || listed.NextPageToken == "" {
		t.Fatalf("the first page: %+v, %v", listed, err)
	}
	rest, err := c.v3.Folders.List().Parent(org).PageToken(listed.NextPageToken).Do()
	if err != nil || len(rest.Folders) != 1 || rest.Folders[0].Name != inner || rest.Folders[0].State != "ACTIVE" {
		t.Errorf("the second page: %+v, %v", rest, err)
	}
	found, err := c.v2.Folders.Search(&v2.SearchFoldersRequest{Query: "parent=" + org + " AND displayName=ren*"}).Do()
	if err != nil || len(found.Folders) != 1 || found.Folders[0].Name != inner {
		t.Errorf("searched: %+v, %v", found, err)
	}
	deleted, err := c.v2.Folders.Delete(inner).Do()
	if err != nil || deleted.LifecycleState != "DELETE_REQUESTED" {
		t.Errorf("deleted: %+v, %v", deleted, err)
	}
	if _, err := c.v3.Folders.Get(inner).Do(); status(err) != 403 {
		t.Errorf("after it was deleted: %v, want 403", err)
	}
}

func TestTheProjectAndTheOrganizationAreFound(t *testing.T) {
	c := serve(t)("user:owner@example.com")
	folder := made(t, c, org, "f")
	listed, err := c.v1.Projects.List().Filter("lifecycleState:ACTIVE AND (id:demo-*)").Do()
	if err != nil || len(listed.Projects) != 1 || listed.Projects[0].ProjectNumber != 123456789012 ||
		listed.Projects[0].Parent.Id != "987654321098" {
		t.Errorf("listed: %+v, %v", listed, err)
	}
	changed, err := c.v1.Projects.Update("demo-project", &v1.Project{Name: "Demo", ProjectId: "demo-project",
		Labels: map[string]string{"team": "shop"}}).Do()
	if err != nil || changed.Name != "Demo" {
		t.Errorf("v1 update: %+v, %v", changed, err)
	}
	if _, err := c.v3.Projects.Patch("projects/demo-project", &v3.Project{Labels: map[string]string{"team": "door"}}).
		UpdateMask("labels").Do(); err != nil {
		t.Error(err)
	}
	for query, want := range map[string]int{"labels.team:door": 1, "labels.team:shop": 0, "displayName:Demo": 1} {
		if found, err := c.v3.Projects.Search().Query(query).Do(); err != nil || len(found.Projects) != want {
			t.Errorf("%s: %+v, %v, want %d", query, found, err, want)
		}
	}
	if _, err := c.v3.Projects.Move("projects/123456789012", &v3.MoveProjectRequest{DestinationParent: folder}).Do(); err != nil {
		t.Error(err)
	}
	moved, err := c.v1.Projects.Update("demo-project", &v1.Project{Parent: &v1.ResourceId{Type: "folder", // as gcloud moves it
		Id: strings.TrimPrefix(folder, "folders/")}}).Do()
	if err != nil || moved.Parent.Type != "folder" || len(moved.Labels) > 0 {
		t.Errorf("moved by an update: %+v, %v", moved, err)
	}
	for parent, want := range map[string]int{org: 0, folder: 1} {
		if below, err := c.v3.Projects.List().Parent(parent).Do(); err != nil || len(below.Projects) != want {
			t.Errorf("below %s: %+v, %v, want %d", parent, below, err, want)
		}
	}
	ancestry, err := c.v1.Projects.GetAncestry("demo-project", &v1.GetAncestryRequest{}).Do()
	if err != nil || len(ancestry.Ancestor) != 3 {
		t.Errorf("ancestry: %+v, %v", ancestry, err)
	}
	older, err := c.v1.Organizations.Search(&v1.SearchOrganizationsRequest{Filter: "domain:example.com"}).Do()
	if err != nil || len(older.Organizations) != 1 || older.Organizations[0].Owner.DirectoryCustomerId == "" {
		t.Errorf("organizations: %+v, %v", older, err)
	}
	if newer, err := c.v3.Organizations.Get(org).Do(); err != nil || newer.DisplayName != "example.com" || newer.State != "ACTIVE" {
		t.Errorf("v3: %+v, %v", newer, err)
	}
}

func TestPoliciesOfTheHierarchyAreInherited(t *testing.T) {
	as := serve(t)
	owner, viewer := as("user:owner@example.com"), as("user:viewer@example.com")
	outer := made(t, owner, org, "outer")
	inner := made(t, owner, outer, "inner")
	sees := func() []int {
		_, project := viewer.v1.Projects.Get("demo-project").Do()
		_, folder := viewer.v3.Folders.Get(inner).Do()
		found, err := viewer.v3.Folders.Search().Do()
		if err != nil {
			t.Error(err)
		}
		return []int{status(project), status(folder), len(found.Folders)}
	}
	if diff := cmp.Diff([]int{403, 403, 0}, sees()); diff != "" {
		t.Errorf("without roles (-want +got):\n%s", diff)
	}
	grant := func(role string) *v3.SetIamPolicyRequest {
		return &v3.SetIamPolicyRequest{Policy: &v3.Policy{Bindings: []*v3.Binding{
			{Role: "roles/owner", Members: []string{"user:owner@example.com"}},
			{Role: role, Members: []string{"user:viewer@example.com"}}}}}
	}
	if _, err := owner.v3.Folders.SetIamPolicy(outer, grant("roles/owner")).Do(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{403, 200, 2}, sees()); diff != "" {
		t.Errorf("an owner of the outer folder (-want +got):\n%s", diff)
	}
	if _, err := owner.v3.Organizations.SetIamPolicy(org, grant("roles/browser")).Do(); err != nil {
		t.Fatal(err)
	}
	policy, err := owner.v3.Organizations.GetIamPolicy(org, &v3.GetIamPolicyRequest{}).Do()
	if err != nil || len(policy.Bindings) != 2 || sees()[0] != 200 {
		t.Errorf("a browser of the organization: %+v, %v, and sees %v", policy, err, sees())
	}
	has, err := viewer.v3.Folders.TestIamPermissions(inner, &v3.TestIamPermissionsRequest{
		Permissions: []string{"resourcemanager.folders.get", "iap.webServiceVersions.accessViaIAP"}}).Do()
	if err != nil || len(has.Permissions) != 1 {
		t.Errorf("permissions: %+v, %v", has, err)
	}
}

func TestWhatAHierarchyCannotBeIsRefused(t *testing.T) {
	as := serve(t)
	c, stranger := as("user:owner@example.com"), as("user:stranger@example.com")
	outer := made(t, c, org, "outer")
	inner := made(t, c, outer, "inner")
	deepest := inner
	for _, name := range []string{"3", "4", "5", "6", "7", "8", "9", "10"} {
		deepest = made(t, c, deepest, name)
	}
	create := func(by clients, parent, name string) error {
		_, err := by.v3.Folders.Create(&v3.Folder{Parent: parent, DisplayName: name}).Do()
		return err
	}
	move := func(folder, parent string) error {
		_, err := c.v3.Folders.Move(folder, &v3.MoveFolderRequest{DestinationParent: parent}).Do()
		return err
	}
	remove := func(folder string) error { _, err := c.v3.Folders.Delete(folder).Do(); return err }
	get := func(by clients, folder string) error { _, err := by.v2.Folders.Get(folder).Do(); return err }
	list := func(by clients, parent string) error { _, err := by.v3.Folders.List().Parent(parent).Do(); return err }
	patch := func(folder string, sent *v3.Folder, mask string) error {
		_, err := c.v3.Folders.Patch(folder, sent).UpdateMask(mask).Do()
		return err
	}
	beneath := func(name string) error {
		_, err := c.v3.Projects.Patch("projects/demo-project", &v3.Project{Parent: name}).Do()
		return err
	}
	replace := func(kind, id string) error {
		_, err := c.v1.Projects.Update("demo-project", &v1.Project{Parent: &v1.ResourceId{Type: kind, Id: id}}).Do()
		return err
	}
	query := func(text string) error { _, err := c.v3.Projects.Search().Query(text).Do(); return err }
	organization := func(name string) error { _, err := c.v3.Organizations.Get(name).Do(); return err }
	for _, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"two of one name", create(c, org, "Outer"), 400},
		{"no name", create(c, org, ""), 400},
		{"a name of 31 letters", create(c, org, strings.Repeat("a", 31)), 400},
		{"no parent", create(c, "", "x"), 403},
		{"a parent that does not exist", create(c, "folders/1", "x"), 403},
		{"below the project", create(c, "projects/demo-project", "x"), 403},
		{"a parent with 300 digits", create(c, "folders/"+strings.Repeat("1", 300), "x"), 403},
		{"an eleventh level", create(c, deepest, "11"), 400},
		{"without the permission", create(stranger, org, "x"), 403},
		{"into itself", move(outer, inner), 400},
		{"moved to nothing", move(inner, "folders/1"), 403},
		{"what does not exist", move("folders/1", org), 403},
		{"deleting what holds a folder", remove(outer), 400},
		{"deleting what does not exist", remove("folders/1"), 403},
		{"reading what does not exist", get(c, "folders/1"), 403},
		{"reading without the permission", get(stranger, inner), 403},
		{"listing below nothing", list(c, "folders/1"), 403},
		{"listing without the permission", list(stranger, org), 403},
		{"a mask with the parent", patch(inner, &v3.Folder{Parent: org}, "parent"), 400},
		{"a mask with no field", patch(inner, &v3.Folder{}, "colour"), 400},
		{"moving the project by a patch", beneath(outer), 400},
		{"replacing its parent by nothing", replace("folder", "1"), 403},
		{"a query that nobody can read", query("colour:red"), 400},
		{"a query with one parenthesis", query("(state:ACTIVE"), 400},
		{"another organization", organization("organizations/1"), 403},
	} {
		if got := status(tc.err); got != tc.want {
			t.Errorf("%s: %v, want %d", tc.name, tc.err, tc.want)
		}
	}
}

func TestNobodyMakesAContainerPublic(t *testing.T) {
	c := serve(t)("user:owner@example.com")
	folder := made(t, c, org, "f")
	for _, member := range []string{"allUsers", "allAuthenticatedUsers"} {
		policy := &v3.Policy{Bindings: []*v3.Binding{
			{Role: "roles/owner", Members: []string{"user:owner@example.com"}},
			{Role: "roles/run.invoker", Members: []string{"user:a@example.com", member}}}}
		asked := &v3.SetIamPolicyRequest{Policy: policy}
		_, project := c.v3.Projects.SetIamPolicy("projects/demo-project", asked).Do()
		_, inFolder := c.v3.Folders.SetIamPolicy(folder, asked).Do()
		_, organization := c.v3.Organizations.SetIamPolicy(org, asked).Do()
		for name, err := range map[string]error{"project": project, "folder": inFolder, "organization": organization} {
			if got := status(err); got != 400 || !strings.Contains(err.Error(), "Request contains an invalid argument.") {
				t.Errorf("%s of a %s: %v, want a 400", member, name, err)
			}
		}
	}
}
