package playground

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Client calls the local cloud's APIs as somebody.
type Client struct {
	URL    string
	Caller string // "user:dev@example.com"; "" = the project's owner
	// UserAgent is what log entries show as the caller's tool; "" = Go's own.
	UserAgent string
	// Leaves means that operations are started and not waited for.
	Leaves bool
}

// Call makes one API call and waits for the operation that it may start. body
// nil sends none. The answer is the JSON object that came back.
func (c Client) Call(ctx context.Context, method, path string, body any) (map[string]any, error) {
	answer, err := c.once(ctx, method, path, body)
	if err != nil || c.Leaves {
		return answer, err
	}
	if compute, _ := answer["kind"].(string); compute == "compute#operation" && answer["status"] != "DONE" {
		link, _ := answer["selfLink"].(string)
		_, tail, _ := strings.Cut(link, "projects/")
		return c.Call(ctx, http.MethodPost, "/compute/v1/projects/"+tail+"/wait", nil)
	}
	if name, _ := answer["name"].(string); strings.Contains(name, "/operations/") && answer["done"] != true {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
		return c.Call(ctx, http.MethodGet, "/v2/"+name, nil)
	}
	return answer, nil
}

func (c Client) once(ctx context.Context, method, path string, body any) (map[string]any, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding %s %s: %w", method, path, err)
		}
		if string(text) != "null" { // a nil map sends no body either
			sent = bytes.NewReader(text)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, sent)
	if err != nil {
		return nil, fmt.Errorf("calling %s %s: %w", method, path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.UserAgent != "" {
		request.Header.Set("User-Agent", c.UserAgent)
	}
	if c.Caller != "" {
		request.Header.Set("Authorization", "Bearer "+c.Caller)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling %s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("calling %s %s: %w", method, path, err)
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("calling %s %s: %s: %.300s", method, path, response.Status, text)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("calling %s %s: the answer is not a JSON object: %w", method, path, err)
	}
	return answer, nil
}
