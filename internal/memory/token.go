package memory

import (
	"context"
	"net/url"
	"time"
)

// usedToken is an identity token that a command came with. The bucket deletes the record a
// day later, when the token is long too old for a command.
type usedToken struct {
	Header
	Use string    `json:"use"` // another one for each use
	At  time.Time `json:"at"`
}

// UseToken notes that a command came with a token, known by its sum, and reports whether no
// other use of it is known in the whole deployment. use is the same in no other call: a write
// may take effect although its answer is lost.
func (m *Memory) UseToken(ctx context.Context, sum, use string) (first bool, err error) {
	kept, err := update(ctx, m, tokenPrefix+url.PathEscape(sum), func(t *usedToken) bool {
		if t.Use != "" {
			return false
		}
		t.Use, t.At = use, m.clock.Now().UTC()
		return true
	})
	return err == nil && kept.Use == use, err
}

func (*usedToken) shrink(int) bool   { return false }
func (t *usedToken) header() *Header { return &t.Header }
func (*usedToken) limit() int        { return maxRecord }
