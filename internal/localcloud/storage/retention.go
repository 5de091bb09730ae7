package storage

import (
	"net/http"
	"strconv"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// longestRetention is a hundred years, in seconds.
// Source: storage/docs/bucket-lock, "Retention periods".
const longestRetention = 3_155_760_000

// prepareRetention completes the retention policy that a bucket is written with. Only
// lockRetentionPolicy locks it; a locked one can be made longer, and nothing else.
// Source: storage/docs/bucket-lock. The texts are unverified.
func prepareRetention(w *collection.Write) error {
	was, name := object(nil), nameOfBucket(w.New.Name)
	if w.Old != nil {
		was = apiserver.Object(w.Old.Body, "retentionPolicy")
	}
	sent := apiserver.Object(w.New.Body, "retentionPolicy")
	locked := was["isLocked"] == true
	if sent == nil {
		if locked {
			return refuse(http.StatusForbidden, "PERMISSION_DENIED", "forbidden",
				"Cannot remove a locked Retention Policy from bucket '"+name+"'.")
		}
		return nil
	}
	period, err := strconv.ParseInt(apiserver.Text(sent, "retentionPeriod"), 10, 64)
	if err != nil || period < 1 || period > longestRetention {
		return apiserver.Invalid("The retention period must be between 1 and %d seconds.", longestRetention)
	}
	before, _ := strconv.ParseInt(apiserver.Text(was, "retentionPeriod"), 10, 64) // ours
	if locked && period < before {
		return refuse(http.StatusForbidden, "PERMISSION_DENIED", "forbidden",
			"Cannot reduce retention duration of a locked Retention Policy for bucket '"+name+"'.")
	}
	kept := object{"retentionPeriod": strconv.FormatInt(period, 10), "effectiveTime": collection.Time(w.At)}
	if period == before {
		kept["effectiveTime"] = was["effectiveTime"]
	}
	if locked {
		kept["isLocked"] = true
	}
	w.New.Body["retentionPolicy"] = kept
	return nil
}

// lockRetention locks the retention policy of a bucket for good. The metageneration has to
// be named. Source: storage/docs/json_api/v1/buckets/lockRetentionPolicy.
func lockRetention(all *collection.Collection, call *apiserver.Call) (any, error) {
	found, err := all.Named(call)
	switch {
	case err != nil:
		return nil, err
	case call.Query("ifMetagenerationMatch") == "":
		return nil, apiserver.Invalid("Required parameter: ifMetagenerationMatch")
	case apiserver.Object(found.Body, "retentionPolicy") == nil:
		return nil, apiserver.Invalid("There is no retention policy on bucket '%s' to lock.", nameOfBucket(found.Name))
	}
	return all.Change(call, func(w *collection.Write) error {
		if err := condition(call, w.Old); err != nil {
			return err
		}
		apiserver.Object(w.New.Body, "retentionPolicy")["isLocked"] = true
		// What was not locked counts as locked from here on.
		old := *w.Old
		old.Body = apiserver.Clone(w.Old.Body)
		apiserver.Object(old.Body, "retentionPolicy")["isLocked"] = true
		w.Old = &old
		return nil
	})
}

func nameOfBucket(name string) string { return name[len(buckets)+1:] }

// retainedUntil is until when an object cannot be deleted or overwritten, zero = it can.
func retainedUntil(bucket, object collection.Resource) time.Time {
	policy := apiserver.Object(bucket.Body, "retentionPolicy")
	period, err := strconv.ParseInt(apiserver.Text(policy, "retentionPeriod"), 10, 64)
	if err != nil { // there is no policy
		return time.Time{}
	}
	created, err := time.Parse(time.RFC3339, apiserver.Text(object.Body, "timeCreated"))
	if err != nil { // ours
		return time.Time{}
	}
	return created.Add(time.Duration(period) * time.Second)
}

// checkRetention refuses to delete or overwrite an object before its time. Its metadata can
// be changed. The text is reported by clients.
// Source: storage/docs/bucket-lock (403 retentionPolicyNotMet).
func (s *Storage) checkRetention(w *collection.Write) error {
	if w.Old == nil || w.New != nil && w.Method != "insert" {
		return nil
	}
	bucket, name := nameOf(*w.Old)
	in, _ := s.objects.Within.Get(buckets + "/" + bucket)
	until := retainedUntil(in, *w.Old)
	if !w.At.Before(until) {
		return nil
	}
	return refuse(http.StatusForbidden, "PERMISSION_DENIED", "retentionPolicyNotMet", "Object '"+bucket+"/"+name+
		"' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until "+
		until.UTC().Format(time.RFC3339))
}

// viewRetention shows until when an object is retained.
func (s *Storage) viewRetention(r collection.Resource, shown object) {
	bucket, _ := nameOf(r)
	in, _ := s.objects.Within.Get(buckets + "/" + bucket)
	if until := retainedUntil(in, r); !until.IsZero() {
		shown["retentionExpirationTime"] = collection.Time(until)
	}
}
