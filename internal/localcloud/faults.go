package localcloud

import (
	"io"
	"net/http"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
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
	all, err := c.server.ParseFaults(text)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	c.setFaults(all)
	answer(w, http.StatusOK, c.server.Faults())
}

// setFaults sets the faults, and on the data plane those that show there.
func (c *Cloud) setFaults(all []apiserver.Fault) {
	for _, old := range c.server.Faults() {
		switch old.Action {
		case apiserver.StuckGrant:
			c.data.Unstick(old.Service)
		case apiserver.LateSettings:
			c.data.SetPropagation(c.options.Propagation)
		}
	}
	c.server.SetFaults(all)
	for _, each := range all {
		switch each.Action {
		case apiserver.StuckGrant:
			c.data.Stick(each.Service, each.Forever)
		case apiserver.LateSettings:
			c.data.SetPropagation(each.Delay)
		}
	}
}
