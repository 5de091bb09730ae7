package event

import (
	"github.com/googleapis/google-cloudevents-go/cloud/auditdata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// entryFromProtobuf reads the body of a trigger whose eventDataContentType is
// application/protobuf, and gives it as the JSON that the same entry has, so
// that both lead to the same cause by construction. Field numbers that are
// newer than the linked definition are ignored: today's entries carry some.
//
// A LogEntryData never starts with a brace or with white space (its fields
// begin at number 2), so that it cannot be taken for JSON.
func entryFromProtobuf(b []byte) ([]byte, bool) {
	var data auditdata.LogEntryData
	// A level of JSON is three of the protobuf Struct that holds it.
	options := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: 3*MaxDepth + 10}
	if err := options.Unmarshal(b, &data); err != nil {
		return nil, false
	}
	if data.GetProtoPayload() == nil && data.GetLogName() == "" {
		return nil, false
	}
	text, err := protojson.Marshal(&data)
	return text, err == nil
}
