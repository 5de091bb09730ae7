package memory

import (
	"context"
	"errors"
)

// heartbeat holds the key that shows which heartbeats are ours.
type heartbeat struct {
	Header
	Key []byte `json:"key"`
}

const heartbeatName = "heartbeat"

// HeartbeatKey returns the key of the deployment's heartbeats. Where there is none yet, the
// candidate becomes the key, unless another process is first.
func (m *Memory) HeartbeatKey(ctx context.Context, candidate []byte) ([]byte, error) {
	known, err := update(ctx, m, heartbeatName, func(h *heartbeat) bool {
		if len(h.Key) > 0 {
			return false
		}
		h.Key = candidate
		return true
	})
	if errors.Is(err, ErrNotPersisted) || len(known.Key) == 0 {
		return nil, err
	}
	return known.Key, nil
}

func (h *heartbeat) shrink(int) bool { return false }
func (h *heartbeat) header() *Header { return &h.Header }
func (*heartbeat) limit() int        { return maxRecord }
