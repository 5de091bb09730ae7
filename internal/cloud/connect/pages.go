package connect

import "github.com/iapguard/iapguard/internal/fault"

// MaxPages bounds every list of what is configured in a project. A project with
// more is reported as not read to the end.
const MaxPages = 20

// Pages counts the pages of one list.
type Pages struct{ read int }

// Next is called after each page with the token of the next one, and ends the
// list with fault.Invalid where more pages follow than are read.
func (p *Pages) Next(token, what, project string) error {
	if p.read++; p.read >= MaxPages && token != "" {
		return fault.New(fault.Invalid, "project %q has more %s than are looked through", project, what)
	}
	return nil
}
