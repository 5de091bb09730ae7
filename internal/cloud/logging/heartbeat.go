package logging

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/api/logging/v2"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/event"
)

// WriteHeartbeat writes a heartbeat into the log of a project, a folder or an organization.
// Source: logging/docs/reference/v2/rest/v2/entries/write.
func (c *Client) WriteHeartbeat(ctx context.Context, place, nonce string) error {
	payload, err := json.Marshal(map[string]string{"iapguard": event.HeartbeatWord, "nonce": nonce})
	if err != nil {
		return fmt.Errorf("encoding a heartbeat: %w", err)
	}
	_, err = c.entries.Write(&logging.WriteLogEntriesRequest{
		LogName: place + "/logs/" + event.HeartbeatLog, Resource: &logging.MonitoredResource{Type: "global"},
		Entries: []*logging.LogEntry{{Severity: "INFO", JsonPayload: payload}},
	}).Context(ctx).Do()
	if err != nil {
		return fmt.Errorf("writing a heartbeat into the log of %s: %w", place, connect.Needing("logging.logEntries.create", err))
	}
	return nil
}
