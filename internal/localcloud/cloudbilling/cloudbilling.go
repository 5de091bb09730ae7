// Package cloudbilling is the local cloud's Cloud Billing API (v1), as far as it says
// which account pays for a project. Nothing here costs anything, and nothing stops
// when no account pays.
package cloudbilling

import (
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	docs = "cloud.google.com/billing/docs/reference/rest/v1/"
	// account is the billing account that is there from the start.
	account = "billingAccounts/012345-6789AB-CDEF01"
)

// New returns the API. Each project starts with an account.
func New(s *apiserver.Server) apiserver.API {
	return collection.Merged("cloudbilling", collection.New(s, accountKind), collection.New(s, infoKind))
}

// accountKind are the billing accounts. Who may see them is decided by roles of theirs
// at Google; here those who have the permission in the project or above it may.
var accountKind = collection.Kind{
	Documents: []string{"cloudbilling/v1"}, Collections: []string{"cloudbilling.billingAccounts"}, Message: "BillingAccount",
	Permissions: "billing.accounts", Source: docs + "billingAccounts",
	Words: collection.Words{Hidden: "The caller does not have permission"},
	Others: func(accounts *collection.Collection) {
		accounts.PutMissing(collection.Resource{Name: account, Body: map[string]any{
			"displayName": "Local", "open": true, "currencyCode": "USD",
			"parent": "organizations/" + apiserver.OrganizationID,
		}})
	},
}

// infoKind says which account pays for a project.
var infoKind = collection.Kind{
	Documents: []string{"cloudbilling/v1"}, Collections: []string{"cloudbilling.projects"}, Message: "ProjectBillingInfo",
	Methods: map[string]string{"getBillingInfo": "get", "updateBillingInfo": "update"},
	Verbs: map[string]string{"getBillingInfo": "resourcemanager.projects.get",
		"updateBillingInfo": "resourcemanager.projects.createBillingAssignment"},
	Source: docs + "projects",
	Audit:  map[string]string{"updateBillingInfo": "google.cloud.billing.v1.CloudBilling.UpdateProjectBillingInfo"},
	Words:  collection.Words{Hidden: "The caller does not have permission"},
	Others: func(infos *collection.Collection) {
		for _, project := range infos.Server().Projects() {
			infos.PutMissing(collection.Resource{Name: project.Name() + "/billingInfo", Body: map[string]any{
				"projectId": project.ID, "billingAccountName": account, "billingEnabled": true,
			}})
		}
	},
	Prepare: func(w *collection.Write) error {
		name := apiserver.Text(w.Sent, "billingAccountName") // without it billing is disabled
		if name != "" && name != account {
			return apiserver.Denied("The caller does not have permission")
		}
		w.New.Body["billingAccountName"], w.New.Body["billingEnabled"] = name, name != ""
		return nil
	},
}
