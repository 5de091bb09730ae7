// Package commandtest has a sample of every command that package command builds,
// for tests of all of them.
package commandtest

import (
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/remedy/command"
)

// Sample is a command that a function of package command built.
type Sample struct {
	Function string
	Command  command.Command
}

// Names are the names that samples hold.
type Names struct {
	Project, Location, Service string
	Backend                    string
	Member, Account            string
	Role                       string // the id of a custom role
	Client                     string // an OAuth client
	Address                    string // a URL
	Condition                  posture.Condition
	Other                      string // a secret, a subscription, a job, a trigger, an API, a constraint
}

// Plain are names as they are given.
var Plain = Names{
	Project: "demo-project", Location: "us-central1", Service: "hello", Backend: "hello-backend",
	Member: "user:alice@example.com", Account: "caller@demo-project.iam.gserviceaccount.com", Role: "iapguardReader",
	Client: "123456789012-abc.apps.googleusercontent.com", Address: "https://hello-abc-uc.a.run.app/orders?key=a&b=c",
	Condition: posture.Condition{Title: "until spring", Expression: `request.time < timestamp("2027-03-21T00:00:00Z")`},
	Other:     "orders",
}

// Hostile is the name of everything: nobody may give it, and a shell would run it.
func Hostile(name string) Names {
	return Names{
		Project: name, Location: name, Service: name, Backend: name, Member: name, Account: name, Role: name,
		Client: name, Address: name, Other: name,
		Condition: posture.Condition{Title: name, Expression: name, Description: name},
	}
}

// Samples are the commands with these names, each function's at least once.
func Samples(n Names) []Sample {
	t := posture.Target{Project: n.Project, Location: n.Location, Service: n.Service}
	everywhere := posture.Target{Project: n.Project, Location: posture.Global, Service: n.Service}
	global := posture.Backend{Project: n.Project, Location: posture.Global, Name: n.Backend}
	regional := posture.Backend{Project: n.Project, Location: n.Location, Name: n.Backend}
	always := posture.Condition{}
	in := "projects/" + n.Project
	placed := in + "/locations/" + n.Location
	web := in + "/iap_web"
	samples := []Sample{
		{"GrantInvoker", command.GrantInvoker(t, n.Member)},
		{"RevokeInvoker", command.RevokeInvoker(t, posture.RoleInvoker, "allUsers", false)},
		{"RevokeInvoker", command.RevokeInvoker(t, in+"/roles/"+n.Role, n.Member, true)},
		{"DeployPublic", command.DeployPublic(t, "us-docker.pkg.dev/cloudrun/container/hello")},
		{"RequireInvoker", command.RequireInvoker(t)},
		{"RequireInvoker", command.RequireInvoker(everywhere)},
		{"SkipInvokerCheck", command.SkipInvokerCheck(t)},
		{"EnableDirectIAP", command.EnableDirectIAP(t)},
		{"EnableDirectIAP", command.EnableDirectIAP(everywhere)},
		{"DisableDirectIAP", command.DisableDirectIAP(t)},
		{"DisableDirectIAP", command.DisableDirectIAP(everywhere)},
		{"SetIngress", command.SetIngress(everywhere, posture.IngressInternalLoadBalancing)},
		{"DisableHTTP2", command.DisableHTTP2(t)},
		{"UnnameRevision", command.UnnameRevision(t)},
		{"Redeploy", command.Redeploy(t)},
		{"ServeLatest", command.ServeLatest(t)},
		{"DescribeService", command.DescribeService(t)},

		{"EnableIAP", command.EnableIAP(global)},
		{"EnableIAP", command.EnableIAP(regional)},
		{"EnableIAPWith", command.EnableIAPWith(global, n.Client)},
		{"EnableIAPWith", command.EnableIAPWith(regional, "")},
		{"DisableIAP", command.DisableIAP(global)},
		{"DisableIAP", command.DisableIAP(regional)},
		{"DisableCDN", command.DisableCDN(global)},
		{"DisableCDN", command.DisableCDN(regional)},

		{"GrantServiceAccess", command.GrantServiceAccess(t, n.Member, always)},
		{"GrantServiceAccess", command.GrantServiceAccess(t, n.Member, n.Condition)},
		{"GrantBackendAccess", command.GrantBackendAccess(global, command.Visitor, always)},
		{"GrantBackendAccess", command.GrantBackendAccess(regional, command.Member, n.Condition)},
		{"GrantAccess", command.GrantAccess(web+"/forwarding_rule/services/"+n.Backend, n.Project, n.Member)},
		{"GrantAccess", command.GrantAccess(web+"/forwarding_rule-"+n.Location+"/services/"+n.Backend, n.Project, n.Member)},
		{"DeleteAuthorizationPolicy", command.DeleteAuthorizationPolicy(placed + "/authzPolicies/" + n.Other)},

		{"GrantProjectRole", command.GrantProjectRole(n.Project, in+"/roles/"+n.Role, n.Member)},
		{"RevokeProjectRole", command.RevokeProjectRole(n.Project, in+"/roles/"+n.Role, n.Member)},
		{"GrantRoleAbove", command.GrantRoleAbove("folders/410000000001", "organizations/9/roles/"+n.Role, n.Member)},
		{"GrantRoleAbove", command.GrantRoleAbove("folders/"+n.Other, "organizations/9/roles/"+n.Role, n.Member)},
		{"GrantRoleAbove", command.GrantRoleAbove("organizations/9", "organizations/9/roles/"+n.Role, n.Member)},
		{"GrantAccountRole", command.GrantAccountRole(n.Account, in+"/roles/"+n.Role, n.Member, n.Project)},
		{"GrantAccountRole", command.GrantAccountRole(n.Account, in+"/roles/"+n.Role, n.Member, "")},
		{"AddPermission", command.AddPermission(n.Role, "run.services.get", in)},
		{"AddPermission", command.AddPermission(n.Role, n.Other, "organizations/9")},

		{"CreateAgent", command.CreateAgent(n.Project)},
		{"EnableAPI", command.EnableAPI(n.Other+".googleapis.com", n.Project)},
		{"DisableAPI", command.DisableAPI(n.Other+".googleapis.com", n.Project)},
		{"DescribeConstraint", command.DescribeConstraint("iam."+n.Other, n.Project)},
		{"Login", command.Login()},
		{"ListConstraints", command.ListConstraints(n.Project)},
		{"ListDenyPolicies", command.ListDenyPolicies(n.Project)},
		{"ReadLog", command.ReadLog(t)},
		{"ReadPerimeterRefusals", command.ReadPerimeterRefusals(n.Project)},
		{"AddSecretVersion", command.AddSecretVersion(in + "/secrets/" + n.Other + "/versions/latest")},

		{"Publish", command.Publish(n.Other, n.Project, `{"command": "sweep", "target": "`+in+`"}`)},
		{"PushEndpoint", command.PushEndpoint(in + "/subscriptions/" + n.Other)},
		{"SignPushes", command.SignPushes(in+"/subscriptions/"+n.Other, command.Account)},
		{"MovePushes", command.MovePushes(in+"/subscriptions/"+n.Other, n.Address, n.Account)},
		{"SignJob", command.SignJob(placed+"/jobs/"+n.Other, n.Account)},
		{"MoveJob", command.MoveJob(placed+"/jobs/"+n.Other, n.Address, n.Account, n.Address)},
		{"SignTrigger", command.SignTrigger(placed+"/triggers/"+n.Other, n.Account)},
	}
	for _, built := range command.BuildBalancer(command.Balancer{NEG: n.Other + "-neg", Backend: n.Backend,
		URLMap: n.Other + "-map", Certificate: n.Other + "-certificate", Proxy: n.Other + "-proxy", Rule: n.Other + "-https",
		Host: "hello.example.com"}, t) {
		samples = append(samples, Sample{"BuildBalancer", built})
	}
	for _, ingress := range []posture.Ingress{posture.IngressAll, posture.IngressInternal,
		posture.IngressInternalLoadBalancing} {
		samples = append(samples, Sample{"SetIngress", command.SetIngress(t, ingress)})
	}
	for _, resource := range []string{
		in, "folders/410000000001", "organizations/9", web, web + "/compute", web + "/compute/services/" + n.Backend,
		web + "/compute-" + n.Location, web + "/compute-" + n.Location + "/services/" + n.Backend,
		web + "/cloud_run-" + n.Location, web + "/cloud_run-" + n.Location + "/services/" + n.Service,
	} {
		samples = append(samples, Sample{"RevokeAccess",
			command.RevokeAccess(resource, n.Project, posture.RoleAccessor, "allUsers")})
	}
	return samples
}
