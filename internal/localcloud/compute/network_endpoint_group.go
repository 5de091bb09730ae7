package compute

import (
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// serverlessTargets are the blocks: a serverless NEG has exactly one of them.
var serverlessTargets = []string{"appEngine", "cloudFunction", "cloudRun", "serverlessDeployment"}

// zonalTypes are the types of the document's enum that only zonal NEGs have, which are
// not served (load-balancing/docs/negs).
var zonalTypes = []string{"GCE_VM_IP", "GCE_VM_IP_PORT", "NON_GCP_PRIVATE_IP_PORT"}

// settleNetworkEndpointGroup checks what a serverless NEG points at. The texts
// are unverified; the rules are those of the discovery document.
func settleNetworkEndpointGroup(_ *API, r, _ *resource) error {
	kind := apiserver.Text(r.body, "networkEndpointType")
	if slices.Contains(zonalTypes, kind) {
		return invalidField("resource.networkEndpointType", kind,
			"The type is not supported for a regional network endpoint group.")
	}
	if kind != "SERVERLESS" {
		return nil
	}
	var named []string
	for _, block := range serverlessTargets {
		if apiserver.Object(r.body, block) != nil {
			named = append(named, block)
		}
	}
	if len(named) != 1 {
		return invalidField("resource", strings.Join(named, ","),
			"Exactly one of "+strings.Join(serverlessTargets, ", ")+
				" must be specified for a serverless network endpoint group.")
	}
	run := apiserver.Object(r.body, "cloudRun")
	if run != nil && apiserver.Text(run, "service") == "" && apiserver.Text(run, "urlMask") == "" {
		return invalidField("resource.cloudRun", "", "Either service or urlMask must be specified.")
	}
	return nil
}
