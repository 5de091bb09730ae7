package permissions

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/iapguard/iapguard/deploy/roles"
	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/cloud/storage"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/playground"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/test/cloudtest"
)

// remember makes every kind of call that the memory makes to its bucket, as the
// function's account with the given roles. It returns the permissions that were
// missing.
func remember(t *testing.T, granted []apiserver.Role) []string {
	t.Helper()
	o := cloudtest.Start(t, playground.Options{Roles: granted})
	if err := o.MakeMemoryBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	bucket, err := storage.Open(t.Context(), connect.Config{
		Endpoint: o.URL(), Self: playground.FunctionAccount, UserAgent: function.UserAgent,
	}, playground.MemoryBucket)
	if err != nil {
		t.Fatal(err)
	}
	kept := memory.New(bucket, memory.Options{Clock: clockwork.NewRealClock()})
	hello := memory.ServiceID{Target: posture.Target{Project: playground.Project, Location: "us-central1",
		Service: "hello"}}
	now := time.Now()
	write := func(at time.Time) func() error {
		return func() error {
			_, err := kept.UpdateService(t.Context(), hello, func(s *memory.Service) bool {
				return s.AddUndo(memory.Undo{Field: "ingress", At: at})
			})
			return err
		}
	}
	var missing []string
	for _, do := range []func() error{
		write(now), // creates the record
		func() error { _, err := kept.Service(t.Context(), hello); return err },
		write(now.Add(time.Second)), // overwrites it
		func() error { return kept.Schedule(t.Context(), now, hello.Target.Name(), nil) },
		func() error {
			due, err := kept.Due(t.Context(), now)
			for _, each := range due {
				err = kept.Done(t.Context(), each)
			}
			return err
		},
	} {
		if refused := fault.Of(do()); refused.Kind == fault.Denied {
			missing = append(missing, refused.Permission)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

func TestMemoryNeedsEveryPermissionOfItsRole(t *testing.T) {
	role := shipped(t, func(r roles.Role) bool { return r.BindTo == "bucket" })
	if missing := remember(t, role); missing != nil {
		t.Fatalf("with the whole role %q are missing", missing)
	}
	needed := 0
	for _, permission := range permissions(role) {
		if t.Run("without "+permission, func(t *testing.T) {
			if diff := cmp.Diff([]string{permission}, remember(t, without(role, permission))); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		}) {
			needed++
		}
	}
	fmt.Printf("the memory's bucket, %d permissions: %d needed\n", len(permissions(role)), needed)
}
