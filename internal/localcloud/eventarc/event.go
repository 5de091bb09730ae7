package eventarc

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/googleapis/google-cloudevents-go/cloud/auditdata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/iapguard/iapguard/internal/localcloud/logging"
)

const (
	jsonContent     = "application/json"
	protobufContent = "application/protobuf"
	dataSchema      = "https://googleapis.github.io/google-cloudevents/jsonschema/google/events/cloud/audit/v1/LogEntryData.json"
	auditLogs       = "/logs/cloudaudit.googleapis.com%2F"
)

// computeEvents is where the events of Compute Engine come from, wherever its
// resources are: a known issue (eventarc/docs/understand-locations).
const computeEvents = "us-central1"

// event is an audit log entry as triggers see it.
type event struct {
	entry      logging.Entry
	location   string
	attributes map[string]string // what filters look at
}

// newEvent reports whether an entry is an event at all: audit log entries are.
func newEvent(entry logging.Entry) (event, bool) {
	log := entry.ProtoPayload
	if log == nil || !strings.Contains(entry.LogName, auditLogs) {
		return event{}, false
	}
	return event{entry, locationOf(entry), map[string]string{
		"type": auditWritten, "serviceName": log.ServiceName, "methodName": log.MethodName, "resourceName": log.ResourceName,
	}}, true
}

// locationOf is where an entry's event comes from. That what lives nowhere in
// particular comes from global is unverified.
func locationOf(entry logging.Entry) string {
	if entry.ProtoPayload.ServiceName == "compute.googleapis.com" {
		return computeEvents
	}
	if location := entry.Resource.Labels["location"]; location != "" {
		return location
	}
	if where := entry.ProtoPayload.ResourceLocation; where != nil && len(where.CurrentLocations) > 0 {
		return where.CurrentLocations[0]
	}
	return everywhere
}

// headers are the attributes of the CloudEvent in binary mode, as they are
// recorded.
func (e event) headers(contentType string) (map[string]string, error) {
	log := e.entry.ProtoPayload
	at, err := time.Parse(time.RFC3339Nano, e.entry.Timestamp)
	if err != nil {
		return nil, fmt.Errorf("reading the time of entry %s: %w", e.entry.InsertID, err)
	}
	if contentType == jsonContent {
		contentType += "; charset=utf-8"
	}
	return map[string]string{
		"ce-specversion":  "1.0",
		"ce-type":         auditWritten,
		"ce-id":           e.entry.LogName + "-" + e.entry.InsertID + strconv.FormatInt(at.UnixMicro(), 10),
		"ce-source":       "//cloudaudit.googleapis.com/" + strings.Replace(e.entry.LogName, auditLogs, "/logs/", 1),
		"ce-subject":      log.ServiceName + "/" + log.ResourceName,
		"ce-time":         e.entry.ReceiveTimestamp,
		"ce-recordedtime": e.entry.Timestamp,
		"ce-servicename":  log.ServiceName,
		"ce-methodname":   log.MethodName,
		"ce-resourcename": log.ResourceName,
		"ce-dataschema":   dataSchema,
		"Content-Type":    contentType,
	}, nil
}

// body is the LogEntryData: the entry, whose payload needs no type because it
// can be of one type only (recorded).
func (e event) body(contentType string) ([]byte, error) {
	payload := *e.entry.ProtoPayload
	payload.Type = ""
	entry := e.entry
	entry.ProtoPayload = &payload
	text, err := json.Marshal(entry)
	if err != nil || contentType != protobufContent {
		return text, err
	}
	// Fields that are newer than the message are lost, as they are to Google's
	// own readers of it.
	var data auditdata.LogEntryData
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, &data); err != nil {
		return nil, fmt.Errorf("reading entry %s as LogEntryData: %w", e.entry.InsertID, err)
	}
	return proto.Marshal(&data)
}
