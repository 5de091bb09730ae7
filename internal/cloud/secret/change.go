package secret

import (
	"bytes"
	"context"
	"errors"

	"github.com/iapguard/iapguard/internal/fault"
)

// attempts bounds how often a change is made again because another writer came first.
const attempts = 5

// Change adds a version to projects/P/secrets/S with what change makes of the
// latest one; nil stands for a secret without versions. Secret Manager has no
// preconditions, but numbers versions in order. Where ours is not the next after
// the one it was made from, another writer added one in between, which ours
// hides: the change is made once more on that version, or that version is put
// back where the change is refused. Too many of these are a fault.Conflict.
func (c *Client) Change(ctx context.Context, name string, change func([]byte) ([]byte, error)) error {
	data, number, err := c.Latest(ctx, name)
	if err != nil && fault.Of(err).Kind != fault.NotFound {
		return err
	}
	hiding := false // what another has added, by ours
	for range attempts {
		next, refused := change(data)
		if refused != nil {
			next = data
		}
		if !hiding && (refused != nil || bytes.Equal(next, data)) {
			return refused
		}
		added, err := c.Add(ctx, name, next)
		if err != nil || added == number+1 {
			return errors.Join(refused, err)
		}
		if data, err = c.Version(ctx, name, added-1); err != nil {
			return err
		}
		number, hiding = added, true
	}
	return fault.New(fault.Conflict, "changing secret %q: other writers keep changing it: look at it, and try again", name)
}
