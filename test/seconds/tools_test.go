package seconds

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
)

// thinks is how many seconds a tool takes between reading something and writing it, or
// between two of its steps.
const thinks = 2

// rollOut changes the template of the service as both tools do: it reads the service,
// writes it with its version, and looks until it is ready.
func (r *room) rollOut(by tool, run int) {
	r.t.Helper()
	read := r.call(by, http.MethodGet, service, nil)
	r.turn(thinks)
	container := map[string]any{"image": playground.Image, "env": []any{map[string]any{"name": "RUN", "value": fmt.Sprint(run)}}}
	r.call(by, http.MethodPatch, service+"?updateMask=template", map[string]any{"etag": read["etag"],
		"template": map[string]any{"containers": []any{container}}})
	r.turn(thinks)
}

// allow lets everybody invoke the service: gcloud's --allow-unauthenticated, Terraform's
// google_cloud_run_v2_service_iam_member.
func (r *room) allow(by tool) {
	r.t.Helper()
	r.invokers(by, func(members []any) []any {
		r.turn(thinks)
		for _, member := range members {
			if member == "allUsers" {
				return members
			}
		}
		return append(members, "allUsers")
	})
}

// describe changes a field of the backend service, with the version that was read.
func (r *room) describe(by tool, run int) {
	r.t.Helper()
	read := r.call(by, http.MethodGet, backend, nil)
	r.turn(thinks)
	r.call(by, http.MethodPatch, backend, map[string]any{"description": fmt.Sprint("run ", run), "fingerprint": read["fingerprint"]})
}

// Every call of a tool must succeed: a write of ours between its read and its write would
// be answered as a conflict. A tool that begins in the very second in which something of
// ours is due may still meet one.
func TestNoWriteOfOursMakesAToolFail(t *testing.T) {
	runs := 4
	if *write {
		runs = 50
	}
	r := start(t, 0)
	r.Balance(hello)
	r.later(time.Hour)
	r.deploy(tools[0])
	for run := range runs {
		by := tools[run%len(tools)]
		r.rollOut(by, run)
		r.allow(by)
		if by == tools[1] {
			r.turn(thinks)
			r.describe(by, run)
		}
		r.turn(45) // the next one begins when nothing of ours is due
		if run%len(tools) == 1 {
			r.later(25 * time.Hour) // what was undone yesterday does not count as contested
		}
	}
	if !r.safe() {
		t.Errorf("the service is %s in the end", r.LastOf(hello.Service).Outcome)
	}
	t.Logf("strangers got in for %v seconds", r.open)
}
