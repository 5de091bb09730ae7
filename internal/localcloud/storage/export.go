package storage

import (
	"fmt"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

// Export says where a Pub/Sub subscription writes its messages.
// Source: pubsub/docs/create-cloudstorage-subscription.
type Export struct {
	Bucket, Prefix, Suffix string
	// Datetime is the form of the time in names, in Pub/Sub's letters; "" = its default.
	Datetime string
	// Avro is not served here.
	Avro bool
}

// defaultDatetime is the form of times in the names of objects.
// Source: pubsub/docs/create-cloudstorage-subscription, "File names".
const defaultDatetime = "YYYY-MM-DDThh:mm:ssZ"

// name is the name of an object that is begun now.
func (e Export) name(now time.Time) string {
	form := e.Datetime
	if form == "" {
		form = defaultDatetime
	}
	at := now.UTC()
	moment := strings.NewReplacer("YYYY", at.Format("2006"), "MM", at.Format("01"), "DD", at.Format("02"),
		"hh", at.Format("15"),
		"mm", at.Format("04"), "ss", at.Format("05"), "Z", "+0000").Replace(form)
	return e.Prefix + moment + "_" + apiserver.NewUUID()[:8] + e.Suffix
}

// Write writes one message as an object of its own: Pub/Sub gathers messages for up to
// maxDuration. Text ends with a line break. Pub/Sub's agent needs to create objects and to
// read the bucket.
func (s *Storage) Write(to Export, data []byte) error {
	in, ok := s.objects.Within.Get(buckets + "/" + to.Bucket)
	switch {
	case !ok:
		return fmt.Errorf("writing to bucket %s: it does not exist", to.Bucket)
	case to.Avro:
		return fmt.Errorf("writing to bucket %s: Avro is not served here", to.Bucket)
	}
	for _, permission := range []string{"storage.objects.create", "storage.buckets.get"} {
		if !s.server.Allowed(apiserver.Access{Principal: agent, Permission: permission, Resource: in.Name}) {
			return fmt.Errorf("writing to bucket %s: %s does not have %s there", to.Bucket, agent, permission)
		}
	}
	at := s.server.Stamp()
	text := append(append([]byte{}, data...), '\n')
	made := collection.Resource{Name: in.Name + "/objects/" + to.name(at), Kept: text, Created: at,
		Body: object{"contentType": "text/plain"}}
	begin(made.Body, at)
	complete(made.Body, text, at)
	s.objects.Put(made)
	return nil
}

// agent is the account that Pub/Sub writes as.
const agent = "serviceAccount:service-" + apiserver.ProjectNumber + "@gcp-sa-pubsub.iam.gserviceaccount.com"
