package run

import (
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// defaultAccount is what a service without an account of its own runs as
// (run/docs/configuring/services/service-identity).
const defaultAccount = apiserver.ProjectNumber + "-compute@developer.gserviceaccount.com"

// subjectV1 is what a v1 call is about, in the names of v2, under which
// policies are kept. Knative's paths name no location: the host does.
func subjectV1(call *apiserver.Call) string {
	path, isKnative := strings.CutPrefix(call.Resource, "apis/"+apiVersion+"/namespaces/"+call.Var("project"))
	if !isKnative {
		path, isKnative = strings.CutPrefix(call.Resource, "apis/"+domainsVersion+"/namespaces/"+call.Var("project"))
	}
	if !isKnative {
		return call.Resource
	}
	project := call.Var("project")
	if project == apiserver.ProjectNumber {
		project = apiserver.ProjectID
	}
	return "projects/" + project + "/locations/" + call.Region + path
}

// mayRun refuses a caller who may not act as the account that a service is to
// run as. Whether a change that makes no revision is exempt is unverified.
func mayRun(call *apiserver.Call, fields map[string]any) error {
	account := apiserver.Text(apiserver.Object(fields, "template"), "serviceAccount")
	if account == "" {
		account = defaultAccount
	}
	return call.ActAs(account)
}
