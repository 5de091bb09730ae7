package resourcemanager

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// Domain is the domain of the organization, and Customer the id of its directory.
const (
	Domain   = "example.com"
	Customer = "C012345ab"
)

// organizationKind is the organization: there is one, or none.
func (h *hierarchy) organizationKind() collection.Kind {
	return collection.Kind{
		Documents:   []string{"cloudresourcemanager/v3", "cloudresourcemanager/v1"}, // gcloud calls v1
		Collections: []string{"cloudresourcemanager.organizations"}, Message: "Organization",
		Permissions: "resourcemanager.organizations", Source: docs + "v3/organizations",
		Verbs:    map[string]string{"search": "", "testIamPermissions": ""},
		Unserved: append(boundaries, legacyPolicies...),
		Methods:  map[string]string{"search": "list"},
		Words:    collection.Words{Hidden: hidden},
		Audit:    map[string]string{"setIamPolicy": "SetIamPolicy"},
		Shape: func(version string, _ collection.Resource, organization map[string]any) {
			if version == "v1" {
				organization["creationTime"], organization["lifecycleState"] = organization["createTime"], organization["state"]
				organization["owner"] = map[string]any{"directoryCustomerId": organization["directoryCustomerId"]}
				drop(organization, "createTime", "updateTime", "state", "directoryCustomerId", "etag")
			}
		},
		Filter: func(call *apiserver.Call) (func(collection.Resource) bool, error) {
			parameter := "query"
			if collection.Version(call) == "v1" {
				parameter = "filter"
			}
			return search(call, parameter, "resourcemanager.organizations.get", map[string]string{
				"domain": "displayName", "displayName": "displayName", "state": "state", "lifecycleState": "state",
				"directoryCustomerId": "directoryCustomerId", "owner.directoryCustomerId": "directoryCustomerId",
				"directory_customer_id": "directoryCustomerId"})
		},
	}
}

func (h *hierarchy) organization() collection.Resource {
	return collection.Resource{Name: root, Body: map[string]any{
		"displayName": Domain, "directoryCustomerId": Customer, "state": "ACTIVE", "etag": `W/"0000000000000001"`,
		"createTime": apiserver.ProjectCreated, "updateTime": apiserver.ProjectCreated,
	}}
}

// search shows what a query selects, of what the caller may get. Fields are the
// resource's, by the query's keys.
func search(call *apiserver.Call, parameter, permission string, fields map[string]string) (
	func(collection.Resource) bool, error) {
	text := collection.Argument(call, parameter)
	query, err := collection.ParseQuery(text, func(key string) bool {
		return fields[key] != "" || strings.HasPrefix(key, "labels.")
	})
	if err != nil {
		return nil, err
	}
	return func(r collection.Resource) bool {
		return query.Matches(func(key string) []string { return valuesOf(call.Server(), r, key, fields[key]) }) &&
			call.Server().Allowed(apiserver.Access{Principal: call.Caller, Permission: permission, Resource: r.Name})
	}, nil
}

// valuesOf are the values that a query's key compares.
func valuesOf(s *apiserver.Server, r collection.Resource, key, field string) []string {
	if label, ok := strings.CutPrefix(key, "labels."); ok {
		if value, there := apiserver.Object(r.Body, "labels")[label].(string); there {
			return []string{value}
		}
		return nil
	}
	value := apiserver.Text(r.Body, field)
	switch key {
	case "projectNumber":
		value = s.ProjectOf(r.Name).Number
	case "parent.id", "parent.type":
		value, _ = resourceID(value)[strings.TrimPrefix(key, "parent.")].(string)
	}
	return []string{value}
}
