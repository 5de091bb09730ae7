package localcloud

import (
	"io"
	"net/http"

	"github.com/iapguard/iapguard/internal/localcloud/kernel"
)

// maxFaults bounds the list of faults that is read.
const maxFaults = 1 << 20

// postFaults replaces the faults that are set by those of the request, all or
// none of them.
func (c *Cloud) postFaults(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFaults))
	if err != nil {
		refuse(w, http.StatusBadRequest, "reading the faults: "+err.Error())
		return
	}
	all, err := c.kernel.ParseFaults(text)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	c.setFaults(all)
	answer(w, http.StatusOK, c.kernel.Faults())
}

// setFaults sets the faults, and on the data plane those that show there.
func (c *Cloud) setFaults(all []kernel.Fault) {
	for _, old := range c.kernel.Faults() {
		switch old.Action {
		case kernel.StuckGrant:
			c.data.Unstick(old.Service)
		case kernel.LateSettings:
			c.data.SetPropagation(c.options.Propagation)
		}
	}
	c.kernel.SetFaults(all)
	for _, each := range all {
		switch each.Action {
		case kernel.StuckGrant:
			c.data.Stick(each.Service, each.Forever)
		case kernel.LateSettings:
			c.data.SetPropagation(each.Delay)
		}
	}
}
