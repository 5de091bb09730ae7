package command

import (
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// EnableAPI switches an API on in a project.
func EnableAPI(api, project string) Command {
	return gcloud("services", "enable").named(api).project(project)
}

// DisableAPI switches an API off in a project. gcloud refuses where other enabled APIs
// need it.
func DisableAPI(api, project string) Command {
	return gcloud("services", "disable").named(api).project(project)
}

// CreateAgent creates IAP's service agent in a project. The command changes nothing where
// it exists. Source: iap/docs/enabling-cloud-run.
func CreateAgent(project string) Command {
	return gcloud("beta", "services", "identity", "create").flag("service", "iap.googleapis.com").project(project)
}

// DescribeConstraint shows how a project is restricted by an organisation
// policy's constraint.
func DescribeConstraint(constraint, project string) Command {
	return gcloud("org-policies", "describe").named(constraint).on("effective").project(project)
}

// ListConstraints lists the organisation policies that are set at a project.
func ListConstraints(project string) Command {
	return gcloud("org-policies", "list").project(project)
}

// ListDenyPolicies lists what takes permissions away in a project.
// Source: iam/docs/deny-access.
func ListDenyPolicies(project string) Command {
	return gcloud("iam", "policies", "list").
		flag("attachment-point", "cloudresourcemanager.googleapis.com/projects/"+project).flag("kind", "denypolicies")
}

// ReadLog shows the latest log entries of a service's revisions.
func ReadLog(t posture.Target) Command {
	filter := `resource.type="cloud_run_revision" resource.labels.service_name=` + strconv.Quote(t.Service)
	return readLog(filter).project(t.Project).flag("limit", "20")
}

// ReadPerimeterRefusals shows what VPC Service Controls refused in a project.
// Source: vpc-service-controls/docs/troubleshooting.
func ReadPerimeterRefusals(project string) Command {
	return readLog(`protoPayload.metadata."@type":VpcServiceControlAuditMetadata`).project(project)
}

func readLog(filter string) Command { return gcloud("logging", "read").named(filter) }

// AddSecretVersion adds what is piped in as a version of the secret of
// projects/P/secrets/S/versions/N.
func AddSecretVersion(version string) Command {
	c := gcloud("secrets", "versions", "add")
	if part := strings.Split(version, "/"); len(part) >= 4 {
		return c.named(part[3]).project(part[1]).flag("data-file", "-")
	}
	return c.named(version).flag("data-file", "-")
}
