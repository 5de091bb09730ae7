// Package storage is the local cloud's Cloud Storage JSON API (v1): buckets, and
// objects with generations and preconditions. Earlier versions of an object are not kept.
package storage

import (
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

type object = map[string]any

const (
	docs    = "cloud.google.com/storage/docs/access-control/iam-json"
	buckets = "projects/_/buckets"
)

// Storage has the buckets and their objects.
type Storage struct {
	server  *apiserver.Server
	objects *collection.Collection
}

// New returns a Cloud Storage without buckets.
func New(s *apiserver.Server) *Storage {
	made := &Storage{server: s}
	made.objects = collection.New(s, made.objectKind())
	made.objects.Within = collection.New(s, bucketKind(made.objects))
	return made
}

// API returns the API.
func (s *Storage) API() apiserver.API {
	api := collection.Merged("storage", s.objects.Within, s.objects)
	uploads := &sessions{objects: s.objects, open: map[string]*session{}}
	uploads.serve(&api)
	return api
}

// rename makes the name of a bucket or an object of a path: b, b/B, b/B/iam, b/B/o,
// b/B/o/O.
func rename(_ *apiserver.Call, path string) string {
	parts := strings.SplitN(path, "/", 4)
	name := buckets
	if len(parts) > 1 {
		name += "/" + parts[1]
	}
	if len(parts) > 2 && parts[2] == "o" {
		name += "/objects"
	}
	if len(parts) > 3 {
		name += "/" + parts[3]
	}
	return name
}

func refuse(code int, status, reason, message string) error {
	return &apiserver.Error{Code: code, Status: status, Reason: reason, Message: message}
}

// condition refuses a call whose preconditions do not hold. Generation 0 is that of no
// object. Source: storage/docs/request-preconditions.
func condition(call *apiserver.Call, current *collection.Resource) error {
	for parameter, field := range map[string]string{"Generation": "generation", "Metageneration": "metageneration"} {
		now := "0"
		if current != nil {
			now = apiserver.Text(current.Body, field)
		}
		match, not := call.Query("if"+parameter+"Match"), call.Query("if"+parameter+"NotMatch")
		switch {
		case not != "" && not == now && call.Request.Method == http.MethodGet:
			return refuse(http.StatusNotModified, "FAILED_PRECONDITION", "notModified", "Not Modified")
		case match != "" && match != now, not != "" && not == now:
			return refuse(http.StatusPreconditionFailed, "FAILED_PRECONDITION", "conditionNotMet",
				"At least one of the pre-conditions you specified did not hold.")
		}
	}
	return nil
}
