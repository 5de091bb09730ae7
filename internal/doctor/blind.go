package doctor

import "github.com/iapguard/iapguard/internal/posture"

// iapAPI is the API that IAP's policies are read from.
const iapAPI = "iap.googleapis.com"

// Blind is the diagnosis of a service that could not be looked at: problem says
// why, and after that what to do. disabled is the API that is switched off, ""
// where it is something else: while IAP's is, nobody gets through IAP either.
func Blind(target posture.Target, disabled string, problem []string) Diagnosis {
	if disabled == iapAPI {
		found := apiOff(target)
		found.Checked = []Checked{{"IAP's API", "switched off"}}
		return found
	}
	found := unknown("the service could not be looked at: "+problem[0], problem[1:]...)
	found.Checked = []Checked{{"the service and what leads to it", "unknown"}}
	return *found
}
