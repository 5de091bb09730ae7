package storage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

const (
	// maxSessions and maxObject bound what uploads hold. Google's sessions end after a
	// week, and its objects have up to 5 TiB.
	maxSessions = 100
	maxObject   = 256 << 20
)

// sessions are the resumable uploads that are under way, by upload_id.
// Source: storage/docs/performing-resumable-uploads.
type sessions struct {
	objects *collection.Collection

	mu   sync.Mutex
	open map[string]*session
}

// session is an upload: what the object is going to be, and what was received of it.
type session struct {
	bucket   string
	metadata object
	data     []byte
}

// serve adds resumable uploads to the route that inserts objects. Parts come by PUT, and
// by POST from Google's Go client.
func (s *sessions) serve(api *apiserver.API) {
	for i, route := range api.Routes {
		if route.ID != "storage.objects.insert" {
			continue
		}
		whole := route.Handle
		route.MaxBody, route.Handle = maxObject, func(call *apiserver.Call) (any, error) {
			switch {
			case call.Query("uploadType") != "resumable":
				return whole(call)
			case call.Query("upload_id") == "":
				return s.begin(call)
			}
			return s.resume(call)
		}
		api.Routes[i] = route
		for _, path := range []string{route.Path, "/resumable" + route.Path} { // the document has both
			route.Path, route.Verb = path, http.MethodPost
			if path != api.Routes[i].Path {
				api.Routes = append(api.Routes, route)
			}
			route.Verb = http.MethodPut
			api.Routes = append(api.Routes, route)
		}
	}
	forget := api.Reset
	api.Reset = func() {
		forget()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open = map[string]*session{}
	}
}

// begin answers where the parts of an object go.
func (s *sessions) begin(call *apiserver.Call) (any, error) {
	metadata := object{}
	if len(call.Bytes()) > 0 {
		if err := json.Unmarshal(call.Bytes(), &metadata); err != nil {
			return nil, apiserver.Invalid("Malformed metadata: %v", err)
		}
	}
	sent, err := schema.Of("storage/v1").Normalize("Object", metadata)
	if err != nil {
		return nil, apiserver.InvalidSchema(err)
	}
	if _, err := objectName(call, sent); err != nil {
		return nil, err
	}
	if kind := call.Request.Header.Get("X-Upload-Content-Type"); sent["contentType"] == nil && kind != "" {
		sent["contentType"] = kind
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		return nil, refuse(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "rateLimitExceeded", "There are too many uploads under way.")
	}
	id := apiserver.NewUUID()
	s.open[id] = &session{bucket: call.Var("bucket"), metadata: sent}
	call.Record = nil // the last part makes the object
	query := call.Request.URL.Query()
	query.Set("upload_id", id)
	return apiserver.Media{Header: http.Header{"Location": {origin(call) + call.Request.URL.Path + "?" + query.Encode()},
		"X-Guploader-Uploadid": {id}}}, nil
}

// contentRange is "bytes FIRST-LAST/TOTAL"; the range or the total can be "*".
var contentRange = regexp.MustCompile(`^bytes (?:(\d+)-\d+|\*)/(\d+|\*)$`)

// resume takes in a part. One without a range is all that is missing, and one without
// bytes asks how much was received. The last part makes the object.
func (s *sessions) resume(call *apiserver.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := call.Query("upload_id")
	upload := s.open[id]
	if upload == nil || upload.bucket != call.Var("bucket") {
		return nil, apiserver.NotFound("There is no upload %q.", id)
	}
	first, total := strconv.Itoa(len(upload.data)), strconv.Itoa(len(upload.data)+len(call.Bytes()))
	if header := call.Request.Header.Get("Content-Range"); header != "" {
		parts := contentRange.FindStringSubmatch(header)
		if parts == nil {
			return nil, apiserver.Invalid("Failed to parse Content-Range header.")
		}
		first, total = parts[1], parts[2]
	}
	if first == strconv.Itoa(len(upload.data)) { // any other part: the client learns what is there
		upload.data = append(upload.data, call.Bytes()...)
	}
	if len(upload.data) > maxObject {
		delete(s.open, id)
		return nil, apiserver.Invalid("An object has up to %d bytes here.", maxObject)
	}
	if total != strconv.Itoa(len(upload.data)) {
		call.Record = nil
		return incomplete(call, len(upload.data)), nil
	}
	delete(s.open, id)
	return keep(s.objects, call, upload.metadata, upload.data)
}

// incomplete is a 308 that says how much was received. Google's Go client has it wrapped
// into a 200, because other clients of HTTP follow it.
func incomplete(call *apiserver.Call, received int) apiserver.Media {
	answer := apiserver.Media{Status: http.StatusPermanentRedirect, Header: http.Header{}}
	if received > 0 {
		answer.Header.Set("Range", fmt.Sprintf("bytes=0-%d", received-1))
	}
	if call.Request.Header.Get("X-GUploader-No-308") == "yes" {
		answer.Status = http.StatusOK
		answer.Header.Set("X-Http-Status-Code-Override", strconv.Itoa(http.StatusPermanentRedirect))
	}
	return answer
}
