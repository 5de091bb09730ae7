package loop

import (
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/stage"
	"github.com/iapguard/iapguard/internal/reconcile"
	"github.com/iapguard/iapguard/test/town"
	"github.com/iapguard/iapguard/test/town/guarded"
)

func TestWhatAWriterWritesComesBackAndLeadsToNothing(t *testing.T) {
	r := guarded.Start(t, guarded.Options{Policy: town.Policy(), Writers: reconcile.Writers{town.WriterFolder: town.Writer}})
	shipped, err := stage.ShippedRoles()
	if err != nil {
		t.Fatal(err)
	}
	r.Employ(shipped...)
	r.Build(stage.Scenario...)
	for _, service := range stage.Scenario {
		r.Until(service.Service+" is protected", r.Safe(service.Service))
	}
	r.Idle()
	if writes := ownWrites(r); len(writes) > 0 {
		t.Errorf("in the function's own name it wrote %q", writes)
	}
	written := r.Calls().By(town.Writer).Writes().Taken()
	if len(written) < 2*5 { // of each service's recipe, at least
		t.Errorf("the writer wrote %v", written)
	}
	for _, one := range r.Reports() {
		if one.Cause.Principal == town.Writer || one.Cause.Principal == stage.FunctionAccount {
			t.Errorf("%s of %s was reported because of our own %s", one.Outcome, one.Subject(), one.Cause.Method)
		}
	}
	before := len(r.Calls().By(town.Writer).Writes())
	r.Publish(stage.CommandsTopic, `{"command":"sweep","target":"projects/`+stage.Project+`"}`)
	r.Idle()
	if after := len(r.Calls().By(town.Writer).Writes()); after != before {
		t.Errorf("a sweep wrote %d times what was right already", after-before)
	}
}
