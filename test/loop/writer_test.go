package loop

import (
	"testing"

	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/test/cloudtest"
	"github.com/iapguard/iapguard/test/cloudtest/withfunction"
)

func TestWhatAWriterWritesComesBackAndLeadsToNothing(t *testing.T) {
	t.Parallel()
	r := withfunction.Start(t, withfunction.Options{Policy: cloudtest.Policy(),
		Writers: reconcile.Writers{cloudtest.WriterFolder: cloudtest.Writer}})
	shipped, err := playground.ShippedRoles()
	if err != nil {
		t.Fatal(err)
	}
	r.CreateWriter(shipped...)
	r.Build(playground.Scenario...)
	for _, service := range playground.Scenario {
		r.Until(service.Service+" is protected", r.Safe(service.Service))
	}
	r.Idle()
	if writes := r.OwnWrites(); len(writes) > 0 {
		t.Errorf("in the function's own name it wrote %q", writes)
	}
	written := r.Calls().By(cloudtest.Writer).Writes().Taken()
	if len(written) < 2*5 { // of each service's recipe, at least
		t.Errorf("the writer wrote %v", written)
	}
	for _, one := range r.Reports() {
		if one.Cause.Principal == cloudtest.Writer || one.Cause.Principal == playground.FunctionAccount {
			t.Errorf("%s of %s was reported because of our own %s", one.Outcome, one.Subject(), one.Cause.Method)
		}
	}
	before := len(r.Calls().By(cloudtest.Writer).Writes())
	r.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/`+playground.Project+`"}`)
	r.Idle()
	if after := len(r.Calls().By(cloudtest.Writer).Writes()); after != before {
		t.Errorf("a sweep wrote %d times what was right already", after-before)
	}
}
