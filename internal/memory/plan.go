package memory

import "encoding/json"

// Plan holds the steps of a run over all its rounds. It stays when the run has ended, so that
// the run can be taken back; the bucket deletes it 30 days later.
type Plan struct {
	Header
	Run     string `json:"run"`
	Service string `json:"service"`
	UID     string `json:"uid,omitempty"`    // of the service
	Policy  string `json:"policy,omitempty"` // digest of the policy that decided; "" = none did
	// Steps are the run's steps, planned and done, each as the report publishes it.
	Steps []json.RawMessage `json:"steps,omitempty"`
}

// shrink drops the oldest steps, which stand in the started report as well.
func (p *Plan) shrink(excess int) bool {
	_, dropped := shrink(excess, listOf(&p.Steps))
	return dropped
}

func (p *Plan) header() *Header { return &p.Header }
func (*Plan) limit() int        { return maxPlan }
