// Package cloudasset is the local cloud's Cloud Asset API (v1), as far as it searches
// resources and IAM policies of all other APIs, and lists the latter, in a project, a folder or
// the organization. All of it is as old as the fault stale-inventory says.
package cloudasset

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// maxPage is the largest page of a search.
// Source: asset-inventory/docs/reference/rest/v1/TopLevel/searchAllResources.
const maxPage = 500

// New returns the API. It finds what the server's state shows.
func New(s *apiserver.Server) apiserver.API {
	searches := collection.New(s, collection.Kind{
		Documents: []string{"cloudasset/v1"}, Collections: []string{"cloudasset"}, Message: "ResourceSearchResult",
		Permissions: "cloudasset.assets", Source: "cloud.google.com/asset-inventory/docs/access-control",
		Actions: map[string]collection.Action{
			"searchAllResources":   {Do: search(resources)},
			"searchAllIamPolicies": {Do: search(searchable)},
		},
	})
	lists := collection.New(s, collection.Kind{
		Documents: []string{"cloudasset/v1"}, Collections: []string{"cloudasset.assets"}, Message: "Asset",
		Permissions: "cloudasset.assets", Verbs: map[string]string{"list": "listIamPolicy"},
		Source: "cloud.google.com/asset-inventory/docs/access-control",
		Subject: func(call *apiserver.Call) string {
			_, scope, _ := strings.Cut(strings.TrimPrefix(call.Request.URL.Path, "/"), "/")
			return call.Server().ByID(strings.TrimSuffix(scope, "/assets"))
		},
		Actions: map[string]collection.Action{"list": {Do: list}},
	})
	return apiserver.API{Name: "cloudasset", Routes: append(searches.Routes("cloudasset"), lists.Routes("cloudasset")...)}
}

// asset is one resource, or the policy of one.
type asset struct {
	name string // within its API
	// result is what the search answers of it.
	result map[string]any
	// bindings are those of its policy; a query selects among them.
	bindings []any
	policy   map[string]any // nil = the asset is a resource
	updated  string         // when the policy was written
}

// search answers a page of what there is in a scope.
func search(find func(*apiserver.Server) []asset) func(*collection.Collection, *apiserver.Call) (any, error) {
	return func(_ *collection.Collection, call *apiserver.Call) (any, error) {
		s, scope := call.Server(), call.Resource
		if err := known(s, scope); err != nil {
			return nil, err
		}
		if call.Query("orderBy") != "" || call.Query("readMask") != "" {
			return nil, apiserver.Invalid("Request contains an invalid argument: orderBy and readMask are not supported here.")
		}
		typed, err := ofTypes(call.Request.URL.Query())
		if err != nil {
			return nil, err
		}
		query, err := collection.ParseQuery(call.Query("query"), knownKey)
		if err != nil {
			return nil, err
		}
		results := []any{}
		for _, each := range find(s) {
			containers := s.Containers(each.name)
			if !typed(apiserver.Text(each.result, "assetType")) || !slices.Contains(containers, scope) {
				continue
			}
			each.place(s, containers)
			if each.selected(query) {
				results = append(results, each.result)
			}
		}
		page, next, err := collection.Page(call, results, maxPage)
		if err != nil {
			return nil, err
		}
		answer := map[string]any{}
		if len(page) > 0 {
			answer["results"] = page
		}
		if next != "" {
			answer["nextPageToken"] = next
		}
		return answer, nil
	}
}

// known refuses a scope that is a project which does not exist.
func known(s *apiserver.Server, scope string) error {
	if _, ok := s.Project(strings.TrimPrefix(scope, "projects/")); strings.HasPrefix(scope, "projects/") && !ok {
		return apiserver.Denied("The caller does not have permission")
	}
	return nil
}

// maxAssets is the largest page of a list. Source: asset-inventory/docs/reference/rest/v1/assets/list.
const maxAssets = 1000

// list answers a page of the IAM policies in a scope. A resource without bindings is not among
// them.
func list(_ *collection.Collection, call *apiserver.Call) (any, error) {
	s := call.Server()
	if err := known(s, call.Resource); err != nil {
		return nil, err
	}
	if call.Query("contentType") != "IAM_POLICY" || call.Query("readTime") != "" {
		return nil, apiserver.Invalid(
			"Request contains an invalid argument: contentType must be IAM_POLICY, and readTime is not supported here.")
	}
	typed, err := ofTypes(call.Request.URL.Query())
	if err != nil {
		return nil, err
	}
	assets := []any{}
	for _, each := range policies(s) {
		containers := s.Containers(each.name)
		if !typed(apiserver.Text(each.result, "assetType")) || !slices.Contains(containers, call.Resource) {
			continue
		}
		ancestors := make([]any, len(containers))
		for i, container := range containers {
			ancestors[i] = s.ByNumber(container)
		}
		assets = append(assets, map[string]any{"name": each.result["resource"], "assetType": each.result["assetType"],
			"iamPolicy": each.policy, "ancestors": ancestors, "updateTime": each.updated})
	}
	page, next, err := collection.Page(call, assets, maxAssets)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"readTime": s.Now().UTC().Format(time.RFC3339Nano), "assets": page}
	if next != "" {
		answer["nextPageToken"] = next
	}
	return answer, nil
}

// ofTypes reads which types are searched: each is a name or a regular expression.
func ofTypes(parameters url.Values) (func(string) bool, error) {
	wanted := parameters["assetTypes"]
	var patterns []*regexp.Regexp
	for _, text := range wanted {
		pattern, err := regexp.Compile("^(?:" + text + ")$")
		if err != nil {
			return nil, apiserver.Invalid("Request contains an invalid argument: the asset type %q is not valid.", text)
		}
		patterns = append(patterns, pattern)
	}
	return func(assetType string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(assetType) })
	}, nil
}

// place says in the result what contains the asset.
func (a asset) place(s *apiserver.Server, containers []string) {
	var folders []any
	for _, container := range containers {
		switch kind, _, _ := strings.Cut(container, "/"); kind {
		case "projects":
			a.result["project"] = s.ByNumber(container)
		case "organizations":
			a.result["organization"] = container
		default:
			folders = append(folders, container)
		}
	}
	if folders != nil {
		a.result["folders"] = folders
	}
}

// selected reports whether a query selects the asset. Of a policy it leaves the
// bindings that are selected, and without one the policy is not.
func (a asset) selected(query collection.Query) bool {
	if a.bindings == nil {
		return query.Matches(a.values(nil))
	}
	var kept []any
	for _, each := range a.bindings {
		binding, _ := each.(map[string]any)
		if query.Matches(a.values(binding)) {
			kept = append(kept, each)
		}
	}
	a.result["policy"] = map[string]any{"bindings": kept}
	return kept != nil
}

// knownKey reports whether queries may have a key.
// Sources: asset-inventory/docs/searching-resources, …/searching-iam-policies.
func knownKey(key string) bool {
	return slices.Contains([]string{"", "name", "assetType", "displayName", "description", "location", "state", "project",
		"folders", "organization", "resource", "policy", "roles", "memberTypes"}, key) || strings.HasPrefix(key, "labels.")
}

// values are what a query compares: whole values, and their words.
func (a asset) values(binding map[string]any) func(key string) []string {
	return func(key string) []string {
		var all []string
		add := func(value any) {
			switch value := value.(type) {
			case string:
				all = append(append(all, value), words(value)...)
			case []any:
				for _, each := range value {
					text, _ := each.(string)
					all = append(append(all, text), words(text)...)
				}
			}
		}
		switch label, labelled := strings.CutPrefix(key, "labels."); {
		case labelled:
			add(apiserver.Object(a.result, "labels")[label])
		case key == "policy":
			add(binding["role"])
			add(binding["members"])
		case key == "roles":
			add(binding["role"])
		case key == "memberTypes":
			for _, each := range apiserver.List(binding, "members") {
				kind, _, _ := strings.Cut(each.(string), ":")
				add(kind)
			}
		case key == "":
			for _, each := range slices.Sorted(maps.Keys(a.result)) {
				add(a.result[each])
			}
			add(binding["role"])
			add(binding["members"])
		default:
			add(a.result[key])
		}
		return all
	}
}

// words are the words in a value, and the member without its kind.
func words(value string) []string {
	all := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("/:@-_. ", r) })
	if _, rest, ok := strings.Cut(value, ":"); ok {
		_, domain, _ := strings.Cut(rest, "@")
		all = append(all, rest, domain)
	}
	return all
}
