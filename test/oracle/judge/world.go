package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
)

// The project of the local cloud.
const (
	project = "demo-project"
	number  = "123456789012"
)

// World is a local cloud: its APIs, and its data plane, whose answers say by the header
// Reached which containers a request came to.
type World struct{ API, Doors http.Handler }

type object = map[string]any

// problem is an answer that is not a success.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

// call makes an API call as the project's owner. Any status but 200 is a problem.
func (w World) call(method, path string, body any) (object, error) {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return nil, fmt.Errorf("encoding %s %s: %w", method, path, err)
		}
	}
	request := httptest.NewRequest(method, "http://localhost"+path, &sent)
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.API.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK {
		return nil, problem{recorder.Code, fmt.Sprintf("%s %s: %d %s", method, path, recorder.Code, recorder.Body)}
	}
	var answer object
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("reading the answer of %s %s: %w", method, path, err)
	}
	return answer, nil
}

// SetFaults sets what goes wrong from now on: a JSON list.
func (w World) SetFaults(list string) error {
	request := httptest.NewRequest(http.MethodPost, "http://localhost/_local/faults", bytes.NewBufferString(list))
	recorder := httptest.NewRecorder()
	w.API.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK {
		return fmt.Errorf("setting the faults %s: %d %s", list, recorder.Code, recorder.Body)
	}
	return nil
}

// Call is one API call that the local cloud answered.
type Call struct {
	Method string // its id in the discovery documents
	Write  bool
}

// Calls are the API calls since the local cloud was emptied.
func (w World) Calls() ([]Call, error) {
	recorder := httptest.NewRecorder()
	w.API.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://localhost/_local/calls", nil))
	var calls []Call
	if err := json.Unmarshal(recorder.Body.Bytes(), &calls); err != nil {
		return nil, fmt.Errorf("reading the calls: %w", err)
	}
	return calls, nil
}
