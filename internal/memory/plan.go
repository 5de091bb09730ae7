package memory

import "encoding/json"

// Plan holds the steps of an open run over all its rounds.
type Plan struct {
	Header
	Run     string `json:"run"`
	Service string `json:"service"`
	// Steps are the run's steps, planned and done, each as the report publishes it.
	Steps []json.RawMessage `json:"steps,omitempty"`
}

// drop makes the record smaller by the oldest step, which stands in the started
// report as well.
func (p *Plan) drop() bool {
	if len(p.Steps) == 0 {
		return false
	}
	p.Steps = p.Steps[1:]
	return true
}

func (p *Plan) header() *Header { return &p.Header }
func (*Plan) limit() int        { return maxPlan }
