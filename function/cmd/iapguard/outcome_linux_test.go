package main

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// helloBackend is the backend service before hello.
const helloBackend = "/compute/v1/projects/demo-project/global/backendServices/hello-backend"

// Somebody else writes while apply does: a tool turns IAP off as soon as it is on, or a roll-out
// changes the backend service before each write.
func TestApplySaysWhoWritesAgainstIt(t *testing.T) {
	for _, tc := range []struct {
		name, outcome, why string
		before, after      func(o *cloudtest.Env) // each write of the backend service
	}{
		{name: "contested", outcome: "CONTESTED",
			why: "others undid iap.enabled 3 times, last dev@example.com, with what calls itself ",
			after: func(o *cloudtest.Env) {
				o.CallAs(o.Developer(), http.MethodPatch, helloBackend, map[string]any{"iap": map[string]any{"enabled": false}})
			}},
		{name: "deferred", outcome: "DEFERRED", why: "the resources kept changing while they were written",
			before: func(o *cloudtest.Env) {
				o.CallAs(o.Developer(), http.MethodPatch, helloBackend, map[string]any{"description": time.Now().String()})
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, hello := cloudtest.Start(t, playground.Options{Clock: time.Now}), playground.Scenario[0]
			o.Build(hello)
			if err := o.MakeMemoryBucket(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Setenv("IAPGUARD_MEMORY", playground.MemoryBucket)
			var others atomic.Int64
			turn := func(r *http.Request, with func(*cloudtest.Env)) {
				if with != nil && r.Method == http.MethodPatch && r.URL.Path == helloBackend {
					with(o)
					others.Add(1)
				}
			}
			address := through(t, o, func(r *http.Request) { turn(r, tc.before) }, func(r *http.Response) error {
				turn(r.Request, tc.after)
				return nil
			})
			args := []string{"apply", hello.Name(), "--yes", "--policy", written(t, "policy.yaml", cloudtest.Policy()),
				"--endpoint", address}
			out, err := say(t, args...)
			if !errors.Is(err, statusError(exitFailed)) {
				t.Errorf("error %v, want exit status %d", err, exitFailed)
			}
			said := 0
			for each := range strings.Lines(out) {
				if strings.HasPrefix(each, tc.outcome+" ") && strings.Contains(each, hello.Name()+": ") &&
					strings.Contains(each, tc.why) {
					said++
				}
			}
			if said != 1 || others.Load() == 0 {
				t.Errorf("%d lines that say %s and %q after %d writes of others, want one:\n%s", said, tc.outcome, tc.why,
					others.Load(), out)
			}
		})
	}
}
