package door

import "github.com/iapguard/iapguard/internal/posture"

// managedBy is the label of a Cloud Run service that another product made, and functions
// its value for functions of the second generation.
const (
	managedBy = "goog-managed-by"
	functions = "cloudfunctions"
)

// FunctionBackends are the backend services of Cloud Functions that may lead to the service
// because it is a function.
func FunctionBackends(p posture.Posture) []posture.Backend {
	if p.Service.Labels[managedBy] != functions {
		return nil
	}
	return p.FunctionBackends
}

// functionURL is the address that a function of the second generation has beside those of
// its service, which is what answers there: the request log has such a host under the
// service's name (recorded). What closes the default URL is not documented to close it. Its
// path is the function's name, which may have capitals where the service's has none.
func functionURL(p posture.Posture) []Door {
	if p.Service.Labels[managedBy] != functions {
		return nil
	}
	at := ownGuard(p).door(Door{Kind: FunctionURL, Via: p.Target.Name(), Address: "https://" + p.Target.Location + "-" +
		p.Target.Project + ".cloudfunctions.net/" + p.Target.Service})
	if p.Service.DefaultURLDisabled && at.Guard.Exposed() {
		at.Guard = GuardUnknown
		at.Why = "whether switching the default URL off closes a function's cloudfunctions.net address too is not documented"
	}
	return []Door{at}
}

// functionDoors are the load balancers of Cloud Functions that may lead to the service
// because it is a function. What their visitors meet is not known: whether these NEGs
// lead to functions of the second generation is unverified, and who has access at their
// IAP is not read.
func functionDoors(p posture.Posture) []Door {
	asked := p
	asked.Backends = FunctionBackends(p)
	own := backendGuard(p, posture.Backend{}).guard
	doors := frontendDoors(asked)
	for i, door := range doors {
		if door.Guard == GuardIAP && !agentMayInvoke(p) && own == GuardIAM {
			continue // nobody passes
		}
		if door.Guard.Exposed() || door.Guard == GuardUnknown || door.Guard == GuardIAP {
			doors[i].Guard, doors[i].Why = GuardUnknown, "a load balancer for Cloud Functions may lead here"
		}
	}
	return doors
}
