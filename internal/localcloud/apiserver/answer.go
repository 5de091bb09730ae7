package apiserver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
)

// headers are what the ESF front end adds to every answer (wire.md 0).
var headers = http.Header{
	"Cache-Control":          {"private"},
	"Content-Type":           {"application/json; charset=UTF-8"},
	"Server":                 {"ESF"},
	"Vary":                   {"Origin", "X-Origin", "Referer"},
	"X-Content-Type-Options": {"nosniff"},
	"X-Frame-Options":        {"SAMEORIGIN"},
	"X-Xss-Protection":       {"0"},
}

// Media is an answer that is not JSON.
type Media struct {
	Status int // zero = 200
	Header http.Header
	Data   []byte
}

// Encoded is an answer that is compact JSON already, in a Buffer or elsewhere. It is
// sent once.
type Encoded []byte

// buffers are those of answers that were sent: large ones would keep the collector busy.
var buffers sync.Pool

// Buffer returns an empty buffer for an Encoded answer of about a size.
func Buffer(size int) []byte {
	if kept, ok := buffers.Get().(*[]byte); ok && cap(*kept) >= size {
		return (*kept)[:0]
	}
	return make([]byte, 0, size)
}

// MarshalJSON returns the answer as it is.
func (e Encoded) MarshalJSON() ([]byte, error) { return e, nil }

// encode is an answer as JSON.
func encode(body any, indent string) ([]byte, error) {
	encoded, ok := body.(Encoded)
	if ok && indent == "" {
		return append(encoded, '\n'), nil
	}
	var buffer bytes.Buffer
	if ok {
		buffer.Grow(2 * len(encoded))
		err := json.Indent(&buffer, encoded, "", indent)
		buffer.WriteByte('\n')
		return buffer.Bytes(), err
	}
	encoder := json.NewEncoder(&buffer)
	encoder.SetIndent("", indent)
	err := encoder.Encode(body)
	return buffer.Bytes(), err
}

// write answers a request: pretty-printed unless the client said otherwise,
// with a newline at the end, as Google does. No body is a 204, and a 304 has none.
func write(w http.ResponseWriter, r *http.Request, status int, body any) {
	if body == nil {
		status = http.StatusNoContent
	}
	if body == nil || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	if media, ok := body.(Media); ok {
		maps.Copy(w.Header(), media.Header)
		w.WriteHeader(cmp.Or(media.Status, status))
		w.Write(media.Data)
		return
	}
	indent := "  "
	if pretty := r.URL.Query().Get("prettyPrint"); pretty == "false" || pretty == "0" {
		indent = ""
	}
	text, err := encode(body, indent)
	if err != nil {
		text = []byte(`{"error":{"code":500,"message":"encoding the answer failed","status":"INTERNAL"}}` + "\n")
		status = http.StatusInternalServerError
	}
	for name, values := range headers {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	w.Write(text)
	if _, ok := body.(Encoded); ok && indent == "" {
		buffers.Put(&text)
	}
}

// asError turns whatever a handler returned into an error of Google's.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: http.StatusInternalServerError, Status: "INTERNAL", Reason: "backendError", Message: err.Error()}
}

// errorBody is the error in the shape of the API and the client (wire.md 0.1):
// Compute Engine and Cloud Storage never say the status; other APIs add the legacy list for Google's
// Go and Python clients.
func errorBody(r *http.Request, api string, e *Error) map[string]any {
	body := map[string]any{"code": e.Code, "message": e.Message}
	if legacyErrors(api) {
		body["errors"] = []any{legacy(e)}
		return map[string]any{"error": body}
	}
	body["status"] = e.Status
	if len(e.Details) > 0 {
		body["details"] = e.Details
	}
	if strings.Contains(r.Header.Get("X-Goog-Api-Client"), "gdcl/") || strings.Contains(r.UserAgent(), "google-api-") {
		body["errors"] = []any{legacy(e)}
	}
	return map[string]any{"error": body}
}

// legacyErrors reports whether the errors of an API are only of the older form.
func legacyErrors(api string) bool { return api == "compute" || api == "storage" }

func legacy(e *Error) map[string]any {
	entry := map[string]any{"message": e.Message, "domain": "global", "reason": e.Reason}
	for key, value := range map[string]string{"domain": e.Domain, "location": e.Location, "locationType": e.LocationType} {
		if value != "" {
			entry[key] = value
		}
	}
	return entry
}
