// Package storage is the local cloud's Cloud Storage JSON API (v1): buckets, and
// objects with generations and preconditions.
package storage

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

type api struct {
	server *apiserver.Server

	mu      sync.Mutex
	buckets map[string]*bucket // by name
}

type bucket struct {
	view    map[string]any
	objects map[string]object // by name
}

// New returns the API.
func New(s *apiserver.Server) apiserver.API {
	a := &api{server: s, buckets: map[string]*bucket{}}
	const all, one, objects = "/storage/v1/b", "/storage/v1/b/{bucket}", "/storage/v1/b/{bucket}/o"
	routes := []apiserver.Route{
		route("POST", all, "buckets.insert", "buckets.create", a.create),
		route("GET", all, "buckets.list", "buckets.list", a.list),
		route("GET", one, "buckets.get", "buckets.get",
			a.on(func(_ *apiserver.Call, b *bucket) (any, error) { return apiserver.Clone(b.view), nil })),
		route("PATCH", one, "buckets.patch", "buckets.update", a.on(a.patch)),
		route("GET", one+"/iam", "buckets.getIamPolicy", "buckets.getIamPolicy",
			a.on(func(c *apiserver.Call, _ *bucket) (any, error) {
				return shownPolicy(c, c.Server().Policy(c.Resource)), nil
			})),
		route("PUT", one+"/iam", "buckets.setIamPolicy", "buckets.setIamPolicy", a.on(setPolicy)),
		route("DELETE", one, "buckets.delete", "buckets.delete", a.on(a.remove)),
		route("POST", "/upload"+objects, "objects.insert", "objects.create", a.on(a.upload)),
		route("GET", objects, "objects.list", "objects.list", a.on(listObjects)),
		route("GET", objects+"/{object...}", "objects.get", "objects.get", a.on(getObject)),
		route("DELETE", objects+"/{object...}", "objects.delete", "objects.delete", a.on(removeObject)),
	}
	return apiserver.API{Name: "storage", Routes: routes, State: a.state, Reset: func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.buckets = map[string]*bucket{}
	}}
}

// route is one method. The Admin Activity log shows what happens to buckets;
// objects belong to the data access log, which is off by default.
// Source: storage/docs/audit-logging.
func route(verb, path, method, permission string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
	made := apiserver.Route{
		Verb: verb, Path: path, API: "storage", ID: "storage." + method, Permission: "storage." + permission,
		Source: "cloud.google.com/storage/docs/access-control/iam-json", Handle: handle, Write: verb != "GET",
		Resource: resource,
	}
	if made.Write && strings.HasPrefix(method, "buckets.") {
		made.AuditMethod = made.Permission
	}
	return made
}

// resource is the bucket or the object that a call is about, or the project.
func resource(c *apiserver.Call) string {
	switch bucket, object := c.Var("bucket"), c.Var("object"); {
	case object != "":
		return bucketResource(bucket) + "/objects/" + object
	case bucket != "":
		return bucketResource(bucket)
	}
	return "projects/" + apiserver.ProjectID
}

func bucketResource(name string) string { return "projects/_/buckets/" + name }

// state shows of objects all but their content.
func (a *api) state() map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := map[string]any{}
	for name, bucket := range a.buckets {
		state[bucketResource(name)] = apiserver.Clone(bucket.view)
		for _, object := range bucket.objects {
			state[bucketResource(name)+"/objects/"+object.name] = object.view(name)
		}
	}
	return state
}

// on runs a handler on a bucket that is there, under the lock.
func (a *api) on(do func(*apiserver.Call, *bucket) (any, error)) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		found := a.buckets[c.Var("bucket")]
		if found == nil {
			return nil, apiserver.NotFound("The specified bucket does not exist.")
		}
		return do(c, found)
	}
}

func refuse(code int, status, reason, message string) error {
	return &apiserver.Error{Code: code, Status: status, Reason: reason, Message: message}
}

func (a *api) create(c *apiserver.Call) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	name, project, at := apiserver.Text(body, "name"), c.Query("project"), c.Time.UTC().Format(time.RFC3339Nano)
	switch {
	case project != apiserver.ProjectID && project != apiserver.ProjectNumber:
		return nil, apiserver.Invalid("Unknown project id: %s", project)
	case len(name) < 3 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "":
		return nil, apiserver.Invalid("Invalid bucket name: '%s'", name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.buckets[name] != nil {
		const text = "Your previous request to create the named bucket succeeded and you already own it."
		return nil, refuse(http.StatusConflict, "ALREADY_EXISTS", "conflict", text)
	}
	view := apiserver.Clone(body)
	maps.Copy(view, map[string]any{
		"kind": "storage#bucket", "id": name, "projectNumber": apiserver.ProjectNumber, "metageneration": "1", "etag": "CAE=",
		"timeCreated": at, "updated": at, "location": strings.ToUpper(cmp.Or(apiserver.Text(body, "location"), "US")),
		"storageClass": cmp.Or(apiserver.Text(body, "storageClass"), "STANDARD"),
	})
	a.buckets[name] = &bucket{view, map[string]object{}}
	return apiserver.Clone(view), nil
}

func (a *api) list(c *apiserver.Call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return page(c, "storage#buckets", maps.Keys(a.buckets),
		func(name string) any { return apiserver.Clone(a.buckets[name].view) })
}

func (a *api) remove(c *apiserver.Call, found *bucket) (any, error) {
	if len(found.objects) > 0 {
		return nil, refuse(http.StatusConflict, "FAILED_PRECONDITION", "conflict",
			"The bucket you tried to delete is not empty.")
	}
	delete(a.buckets, c.Var("bucket"))
	a.server.DeletePolicy(bucketResource(c.Var("bucket")))
	return nil, nil
}

// page answers with those names that a list asks for. A page token is the last
// name of the page before.
func page(c *apiserver.Call, kind string, all iter.Seq[string], view func(string) any) (any, error) {
	size, err := strconv.Atoi(cmp.Or(c.Query("maxResults"), "1000"))
	if err != nil || size < 1 || c.Query("delimiter") != "" {
		return nil, apiserver.Invalid("The local cloud cannot list in this way.")
	}
	names := slices.DeleteFunc(slices.Sorted(all), func(name string) bool {
		end := c.Query("endOffset")
		return !strings.HasPrefix(name, c.Query("prefix")) || name <= c.Query("pageToken") || end != "" && name >= end
	})
	answer := map[string]any{"kind": kind}
	if size = min(size, 1000); len(names) > size {
		names, answer["nextPageToken"] = names[:size], names[size-1]
	}
	for _, name := range names {
		answer["items"] = append(apiserver.List(answer, "items"), view(name))
	}
	return answer, nil
}

// object is the live version of an object. Earlier ones are not kept.
type object struct {
	name, contentType string
	data              []byte
	written           time.Time // its microseconds are the generation
}

func (o object) generation() string { return strconv.FormatInt(o.written.UnixMicro(), 10) }

func (o object) view(bucket string) map[string]any {
	at := o.written.UTC().Format(time.RFC3339Nano)
	return map[string]any{
		"kind": "storage#object", "id": bucket + "/" + o.name + "/" + o.generation(), "name": o.name, "bucket": bucket,
		"generation": o.generation(), "metageneration": "1", "contentType": o.contentType, "storageClass": "STANDARD",
		"size": strconv.Itoa(len(o.data)), "crc32c": checksum(o.data), "timeCreated": at, "updated": at,
	}
}

// checksum is the CRC-32C of data as Cloud Storage writes it: big endian, base64.
func checksum(data []byte) string {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// matches checks ifGenerationMatch; generation 0 is that of no object.
func (o object) matches(c *apiserver.Call) error {
	now := "0"
	if o.name != "" {
		now = o.generation()
	}
	if asked := c.Query("ifGenerationMatch"); asked != "" && asked != now {
		const text = "At least one of the pre-conditions you specified did not hold."
		return refuse(http.StatusPreconditionFailed, "FAILED_PRECONDITION", "conditionNotMet", text)
	}
	return nil
}

// received is the object that an upload sends: media, or multipart as Google's
// clients send it. Source: storage/docs/uploading-objects.
func received(c *apiserver.Call) (object, error) {
	sent := object{name: c.Query("name"), contentType: c.Request.Header.Get("Content-Type"), data: c.Bytes()}
	if c.Query("uploadType") == "media" {
		return sent, nil
	}
	malformed := apiserver.Invalid("Malformed multipart body.") // also of a resumable upload
	_, parameters, _ := mime.ParseMediaType(sent.contentType)   // without a boundary there is no first part
	var metadata struct{ Name, Crc32c string }
	parts := multipart.NewReader(bytes.NewReader(sent.data), parameters["boundary"])
	first, err := parts.NextPart()
	if err != nil || json.NewDecoder(first).Decode(&metadata) != nil {
		return sent, malformed
	}
	media, err := parts.NextPart()
	if err != nil {
		return sent, malformed
	}
	// The parameter wins over the metadata (disc: storage/v1, objects.insert).
	sent.name, sent.contentType = cmp.Or(c.Query("name"), metadata.Name), media.Header.Get("Content-Type")
	if sent.data, err = io.ReadAll(media); err != nil {
		return sent, malformed
	}
	if sum := checksum(sent.data); metadata.Crc32c != "" && metadata.Crc32c != sum {
		return sent, apiserver.Invalid("Provided CRC32C %q doesn't match calculated CRC32C %q.", metadata.Crc32c, sum)
	}
	return sent, nil
}

// upload writes an object. Overwriting one needs the permission to delete it too.
// Source: storage/docs/access-control/iam-json, objects.insert.
func (a *api) upload(c *apiserver.Call, in *bucket) (any, error) {
	sent, err := received(c)
	if err != nil {
		return nil, err
	}
	if sent.name == "" || len(sent.name) > 1024 || strings.ContainsAny(sent.name, "\r\n") {
		return nil, apiserver.Invalid("Invalid object name: %q", sent.name)
	}
	old := in.objects[sent.name]
	if err := old.matches(c); err != nil {
		return nil, err
	}
	const overwriting = "storage.objects.delete"
	if old.name != "" && !a.server.Allowed(apiserver.Access{Principal: c.Caller, Permission: overwriting,
		Resource: c.Resource}) {
		return nil, c.StorageDenied(overwriting)
	}
	sent.written = a.server.Stamp()
	in.objects[sent.name] = sent
	return sent.view(c.Var("bucket")), nil
}

// named finds the object that a call is about.
func (in *bucket) named(c *apiserver.Call) (object, error) {
	found, ok := in.objects[c.Var("object")]
	if asked := c.Query("generation"); !ok || asked != "" && asked != found.generation() {
		return found, apiserver.NotFound("No such object: %s/%s", c.Var("bucket"), c.Var("object"))
	}
	return found, found.matches(c)
}

func getObject(c *apiserver.Call, in *bucket) (any, error) {
	found, err := in.named(c)
	if err != nil || c.Query("alt") != "media" {
		return found.view(c.Var("bucket")), err
	}
	header := http.Header{"Content-Type": {found.contentType}, "X-Goog-Generation": {found.generation()}}
	return apiserver.Media{Data: found.data, Header: header}, nil
}

func removeObject(c *apiserver.Call, in *bucket) (any, error) {
	found, err := in.named(c)
	if err == nil {
		delete(in.objects, found.name)
	}
	return nil, err
}

func listObjects(c *apiserver.Call, in *bucket) (any, error) {
	return page(c, "storage#objects", maps.Keys(in.objects),
		func(name string) any { return in.objects[name].view(c.Var("bucket")) })
}
