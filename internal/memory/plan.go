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

// shrink drops the oldest steps, which stand in the started report as well.
func (p *Plan) shrink(excess int) bool {
	_, dropped := shrink(excess, listOf(&p.Steps))
	return dropped
}

func (p *Plan) header() *Header { return &p.Header }
func (*Plan) limit() int        { return maxPlan }
