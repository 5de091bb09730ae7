package storage

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// bucketKind are the buckets. The Admin Activity log shows what happens to them; objects
// belong to the data access log, which is off by default.
// Source: storage/docs/audit-logging.
func bucketKind(kept *collection.Collection) collection.Kind {
	return collection.Kind{
		Documents: []string{"storage/v1"}, Collections: []string{"storage.buckets"}, Message: "Bucket", ListKind: "storage#buckets",
		Permissions: "storage.buckets", Source: docs,
		Verbs: map[string]string{"insert": "create", "getStorageLayout": "storage.objects.list", "lockRetentionPolicy": "update"},
		Audit: map[string]string{"insert": "storage.buckets.create", "patch": "storage.buckets.update",
			"update": "storage.buckets.update", "delete": "storage.buckets.delete", "setIamPolicy": "storage.setIamPermissions",
			"lockRetentionPolicy": "storage.buckets.update"}, // unverified: the pages on audit logs do not list it
		Unserved: []string{"testIamPermissions"},
		Rename:   rename, Subject: projectOrBucket, Consistent: true,
		// Source: storage/docs/buckets, naming.
		ID:        regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`),
		Words:     collection.Words{NotFound: "The specified bucket does not exist.", BadID: "Invalid bucket name: '{id}'"},
		Defaults:  object{"location": "US", "storageClass": "STANDARD"},
		Condition: bucketCondition, Prepare: prepareBucket(kept), View: viewBucket,
		Filter: func(call *apiserver.Call) (func(collection.Resource) bool, error) {
			return func(r collection.Resource) bool {
				return strings.HasPrefix(r.Name, buckets+"/"+call.Query("prefix"))
			}, ours(call)
		},
		Actions: map[string]collection.Action{
			"getIamPolicy": {Do: func(all *collection.Collection, call *apiserver.Call) (any, error) {
				found, err := all.Named(call)
				if err != nil {
					return nil, err
				}
				return shownPolicy(found, call.Server().Policy(found.Name)), nil
			}},
			"setIamPolicy":        {Writes: true, Do: setPolicy},
			"lockRetentionPolicy": {Writes: true, Do: lockRetention},
			"getStorageLayout": {Do: func(all *collection.Collection, call *apiserver.Call) (any, error) {
				found, err := all.Named(call)
				return object{"kind": "storage#storageLayout", "bucket": call.Var("bucket"), "location": found.Body["location"],
					"hierarchicalNamespace": object{"enabled": false}}, err
			}},
		},
	}
}

// projectOrBucket is the project for calls about no bucket.
func projectOrBucket(call *apiserver.Call) string {
	if call.Var("bucket") == "" {
		return "projects/" + apiserver.ProjectID
	}
	return ""
}

// ours refuses a list or a new bucket of another project.
func ours(call *apiserver.Call) error {
	if project := call.Query("project"); project != apiserver.ProjectID && project != apiserver.ProjectNumber {
		return apiserver.Invalid("Unknown project id: %s", project)
	}
	return nil
}

// bucketCondition also refuses a new bucket of another project, and one that exists.
func bucketCondition(call *apiserver.Call, current *collection.Resource) error {
	if call.Var("bucket") == "" {
		if err := ours(call); err != nil || current == nil {
			return err
		}
		return refuse(http.StatusConflict, "ALREADY_EXISTS", "conflict",
			"Your previous request to create the named bucket succeeded and you already own it.")
	}
	return condition(call, current)
}

// prepareBucket refuses to change what stays as it was made, and to delete a bucket with
// objects.
func prepareBucket(kept *collection.Collection) func(*collection.Write) error {
	return func(w *collection.Write) error {
		switch {
		case w.New == nil && len(kept.All(w.Old.Name+"/objects")) > 0:
			return refuse(http.StatusConflict, "FAILED_PRECONDITION", "conflict", "The bucket you tried to delete is not empty.")
		case w.New == nil:
			return nil
		case w.Old == nil:
			w.New.Body["location"] = strings.ToUpper(apiserver.Text(w.New.Body, "location"))
			w.New.Body["timeCreated"] = collection.Time(w.At)
		default:
			was, sent := apiserver.Text(w.Old.Body, "location"), apiserver.Text(w.Sent, "location")
			if sent != "" && !strings.EqualFold(was, sent) {
				return apiserver.Invalid("Cannot change location of a bucket.")
			}
			// gcloud sends back all that it read.
			w.New.Body["location"], w.New.Body["timeCreated"] = was, w.Old.Body["timeCreated"]
			if w.New.Body["storageClass"] == nil {
				w.New.Body["storageClass"] = w.Old.Body["storageClass"]
			}
		}
		if err := prepareRetention(w); err != nil {
			return err
		}
		nextMetageneration(w)
		w.New.Body["updated"] = collection.Time(w.At)
		return nil
	}
}

// nextMetageneration counts the versions of metadata.
func nextMetageneration(w *collection.Write) {
	now := uint64(0)
	if w.Old != nil {
		now, _ = strconv.ParseUint(apiserver.Text(w.Old.Body, "metageneration"), 10, 64) // ours
	}
	w.New.Body["metageneration"] = strconv.FormatUint(now+1, 10)
	w.New.Body["etag"] = etag(now + 1)
}

// etag is a protobuf message with these fields (recorded for a bucket: "CAE=").
func etag(fields ...uint64) string {
	var message []byte
	for i, field := range fields {
		message = binary.AppendUvarint(append(message, byte(i+1)<<3), field)
	}
	return base64.StdEncoding.EncodeToString(message)
}

func viewBucket(r collection.Resource, shown object) {
	name := strings.TrimPrefix(r.Name, buckets+"/")
	shown["kind"], shown["id"], shown["name"], shown["projectNumber"] = "storage#bucket", name, name, apiserver.ProjectNumber
	shown["selfLink"] = "https://www.googleapis.com/storage/v1/b/" + name
}

// setPolicy replaces a bucket's IAM policy. The body is the policy itself.
func setPolicy(all *collection.Collection, call *apiserver.Call) (any, error) {
	found, err := all.Named(call)
	if err != nil {
		return nil, err
	}
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	sent := apiserver.Clone(body)
	for _, output := range []string{"kind", "resourceId"} {
		delete(sent, output)
	}
	clear(body)
	body["policy"] = sent
	policy, err := call.SetIamPolicy(found.Name)
	if err != nil {
		return nil, err
	}
	return shownPolicy(found, policy.(object)), nil
}

func shownPolicy(of collection.Resource, policy object) object {
	policy = apiserver.Clone(policy)
	policy["kind"], policy["resourceId"] = "storage#policy", of.Name
	return policy
}
