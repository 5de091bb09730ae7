package storage

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// objectKind are the objects. What one holds is kept beside its metadata.
func (s *Storage) objectKind() collection.Kind {
	return collection.Kind{
		Documents: []string{"storage/v1"}, Collections: []string{"storage.objects"}, Message: "Object", ListKind: "storage#objects",
		Permissions: "storage.objects", Source: docs, Verbs: map[string]string{"insert": "create"},
		Unserved: []string{"getIamPolicy", "setIamPolicy", "testIamPermissions"},
		Rename:   rename, Depth: 5, Consistent: true, // storage/docs/consistency
		Subject: func(call *apiserver.Call) string {
			if call.Var("object") == "" {
				return buckets + "/" + call.Var("bucket")
			}
			return ""
		},
		Words:     collection.Words{NotFound: "No such object: {within}/{id}"},
		Condition: objectCondition, Filter: selected, Prefix: folder, Prepare: s.prepareObject, View: s.viewObject, Link: link,
		Actions: map[string]collection.Action{"insert": {Writes: true, Do: upload}, "get": {Do: download}},
	}
}

// objectCondition also refuses a call about a generation that is not the live one.
func objectCondition(call *apiserver.Call, current *collection.Resource) error {
	asked := call.Query("generation")
	if asked != "" && current != nil && asked != apiserver.Text(current.Body, "generation") {
		return apiserver.NotFound("No such object: %s/%s", call.Var("bucket"), call.Var("object"))
	}
	return condition(call, current)
}

// selected shows the names that a list asks for.
func selected(call *apiserver.Call) (func(collection.Resource) bool, error) {
	from, to := call.Query("startOffset"), call.Query("endOffset")
	return func(r collection.Resource) bool {
		_, name := nameOf(r)
		return strings.HasPrefix(name, call.Query("prefix")) && name >= from && (to == "" || name < to)
	}, nil
}

// folder is a name up to the first delimiter after the prefix. An object that ends there
// can be shown beside it.
// Source: storage/docs/json_api/v1/objects/list, delimiter, includeTrailingDelimiter.
func folder(call *apiserver.Call, r collection.Resource) (prefix string, beside bool) {
	_, name := nameOf(r)
	begin, delimiter := call.Query("prefix"), call.Query("delimiter")
	before, rest, found := strings.Cut(strings.TrimPrefix(name, begin), delimiter)
	if delimiter == "" || !found {
		return "", false
	}
	return begin + before + delimiter, rest == "" && call.Query("includeTrailingDelimiter") == "true"
}

func nameOf(r collection.Resource) (bucket, name string) {
	parts := strings.SplitN(r.Name, "/", 6)
	return parts[3], parts[5]
}

// prepareObject completes what a client sent. Overwriting an object needs the permission
// to delete it too. Source: storage/docs/access-control/iam-json, objects.insert.
func (s *Storage) prepareObject(w *collection.Write) error {
	if err := s.checkRetention(w); err != nil || w.New == nil {
		return err
	}
	body, data := w.New.Body, w.New.Kept.([]byte)
	const overwriting = "storage.objects.delete"
	switch {
	case w.Method != "insert":
		for _, output := range []string{"generation", "timeCreated", "timeFinalized", "storageClass"} {
			body[output] = w.Old.Body[output]
		}
		nextMetageneration(w)
	case w.Old != nil && !w.Call.Server().Allowed(apiserver.Access{Principal: w.Call.Caller, Permission: overwriting,
		Resource: w.Call.Resource}):
		return w.Call.StorageDenied(overwriting)
	default:
		begin(body, w.At)
	}
	complete(body, data, w.At)
	return nil
}

// begin makes a new generation.
func begin(body object, at time.Time) {
	now := collection.Time(at)
	body["generation"], body["metageneration"] = strconv.FormatInt(at.UnixMicro(), 10), "1"
	body["timeCreated"], body["timeFinalized"] = now, now
	body["storageClass"] = cmp.Or(apiserver.Text(body, "storageClass"), "STANDARD")
}

// complete writes what follows from the content.
func complete(body object, data []byte, at time.Time) {
	generation, _ := strconv.ParseUint(apiserver.Text(body, "generation"), 10, 64)         // ours
	metageneration, _ := strconv.ParseUint(apiserver.Text(body, "metageneration"), 10, 64) // ours
	body["etag"] = etag(generation, metageneration)
	sum := md5.Sum(data)
	body["size"], body["crc32c"] = strconv.Itoa(len(data)), checksum(data)
	body["md5Hash"], body["updated"] = base64.StdEncoding.EncodeToString(sum[:]), collection.Time(at)
}

// checksum is the CRC-32C of data as Cloud Storage writes it: big endian, base64.
func checksum(data []byte) string {
	sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

func (s *Storage) viewObject(r collection.Resource, shown object) {
	s.viewRetention(r, shown)
	bucket, name := nameOf(r)
	shown["kind"], shown["bucket"], shown["name"] = "storage#object", bucket, name
	shown["id"] = bucket + "/" + name + "/" + apiserver.Text(shown, "generation")
	shown["selfLink"] = "https://www.googleapis.com/storage/v1/b/" + bucket + "/o/" + url.PathEscape(name)
}

// link adds where an object's content is to be had: gcloud takes it from there.
func link(call *apiserver.Call, shown object) {
	shown["mediaLink"] = origin(call) + "/download/storage/v1/b/" + apiserver.Text(shown, "bucket") + "/o/" +
		url.PathEscape(apiserver.Text(shown, "name")) + "?generation=" + apiserver.Text(shown, "generation") + "&alt=media"
}

// origin is where the client found the API.
func origin(call *apiserver.Call) string {
	scheme := "http"
	if call.Request.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + call.Request.Host
}

// received is what an upload sends: media, or multipart as Google's clients send it.
// Source: storage/docs/uploading-objects.
func received(call *apiserver.Call) (metadata object, data []byte, err error) {
	contentType := call.Request.Header.Get("Content-Type")
	if call.Query("uploadType") == "media" {
		return object{"contentType": contentType}, call.Bytes(), nil
	}
	malformed := apiserver.Invalid("Malformed multipart body.")
	// gcloud quotes the boundary in Python's way. Without a boundary there is no first part.
	_, parameters, _ := mime.ParseMediaType(strings.ReplaceAll(contentType, "'", `"`))
	parts := multipart.NewReader(bytes.NewReader(call.Bytes()), parameters["boundary"])
	first, err := parts.NextPart()
	if err != nil || json.NewDecoder(first).Decode(&metadata) != nil {
		return nil, nil, malformed
	}
	sent, err := schema.Of("storage/v1").Normalize("Object", metadata)
	if err != nil {
		return nil, nil, apiserver.InvalidSchema(err)
	}
	media, err := parts.NextPart()
	if err != nil {
		return nil, nil, malformed
	}
	if data, err = io.ReadAll(media); err != nil {
		return nil, nil, malformed
	}
	sent["contentType"] = cmp.Or(apiserver.Text(sent, "contentType"), media.Header.Get("Content-Type"))
	return sent, data, nil
}

// upload writes an object.
func upload(objects *collection.Collection, call *apiserver.Call) (any, error) {
	sent, data, err := received(call)
	if err != nil {
		return nil, err
	}
	return keep(objects, call, sent, data)
}

// objectName is the name of an object that is uploaded. The parameter wins over the
// metadata (disc: storage/v1, objects.insert).
func objectName(call *apiserver.Call, sent object) (string, error) {
	name := cmp.Or(call.Query("name"), apiserver.Text(sent, "name"))
	if name == "" || len(name) > 1024 || strings.ContainsAny(name, "\r\n") { // storage/docs/objects, naming
		return "", apiserver.Invalid("Invalid object name: %q", name)
	}
	return name, nil
}

// keep writes an object whose content was received whole.
func keep(objects *collection.Collection, call *apiserver.Call, sent object, data []byte) (any, error) {
	name, err := objectName(call, sent)
	if err != nil {
		return nil, err
	}
	if given := apiserver.Text(sent, "crc32c"); given != "" && given != checksum(data) {
		return nil, apiserver.Invalid("Provided CRC32C %q doesn't match calculated CRC32C %q.", given, checksum(data))
	}
	return objects.Overwrite(call, collection.Resource{
		Name: buckets + "/" + call.Var("bucket") + "/objects/" + name, Body: sent, Kept: data})
}

func download(objects *collection.Collection, call *apiserver.Call) (any, error) {
	found, err := objects.Named(call)
	switch {
	case err != nil:
		return nil, err
	case call.Query("alt") != "media":
		return objects.ShownTo(call, found), nil
	}
	header := http.Header{"Content-Type": {apiserver.Text(found.Body, "contentType")},
		"X-Goog-Generation": {apiserver.Text(found.Body, "generation")}}
	return apiserver.Media{Data: found.Kept.([]byte), Header: header}, nil
}
