package decide

import (
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/plan"
)

// undone are the due steps whose protection the memory has as a write of ours:
// somebody undid it. It is noted once, when a run begins to write it again, with
// the writer of the last change where the history shows one.
func (d *decider) undone(due []plan.Step) []memory.Undo {
	if d.facts.Memory == nil || d.run.Done != nil {
		return nil
	}
	var list []memory.Undo
	for _, step := range due {
		for _, wrote := range d.facts.Memory.Wrote {
			if wrote.Op != string(step.Op()) || wrote.Resource != step.Resource || wrote.Field != step.Field() {
				continue
			}
			undo := memory.Undo{Field: fieldOf(step), At: d.now}
			if h := d.facts.History; h != nil {
				if w := d.lastChange([]plan.Step{step}, h.Writes); w != nil {
					undo.By, undo.Tool, undo.At = w.Principal, w.UserAgent, w.At
				}
			}
			list = append(list, undo)
			break
		}
	}
	return list
}

// fieldOf names what a step writes, as the memory counts it.
func fieldOf(step plan.Step) string { return step.Resource + " " + step.Field() }
