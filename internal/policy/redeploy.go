package policy

// redeploying says whether iapguard may replace a stuck revision by an equal one.
type redeploying string

// What to do about a 403 that the agent's grant does not explain.
const (
	RedeployEnforce redeploying = "enforce" // force one new revision
	RedeployAdvise  redeploying = "advise"  // say that it would help
	RedeployOff     redeploying = "off"     // never
)

// RedeployImage says what a redeploy does with an image that is named by a tag. The
// tag may have moved since the serving revision was created; a new revision would
// then run other code.
type RedeployImage string

// What to do about a tag.
const (
	ImagePin    RedeployImage = "pin"    // write the digest that the serving revision runs
	ImageGoOn   RedeployImage = "go-on"  // keep the tag, whatever it stands for now
	ImageRefuse RedeployImage = "refuse" // do not redeploy
)
