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
