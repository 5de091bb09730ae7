// Package port gives the programs that tests start a port each.
package port

import (
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud/freeport"
)

// Free returns a loopback address, host and port, that is the test's own until it ends.
func Free(t testing.TB) string {
	t.Helper()
	address, release, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return address
}
