package event

import (
	"github.com/go-json-experiment/json"
	"github.com/googleapis/google-cloudevents-go/cloud/auditdata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// entryFromProtobuf converts the body of a trigger whose eventDataContentType is
// application/protobuf to the JSON of the same entry, so that both forms lead to
// the same cause. It ignores fields that are newer than the linked definition,
// since today's entries have some.
//
// A LogEntryData never starts with a brace or with white space, because its
// fields begin at number 2. So it cannot be taken for JSON.
func entryFromProtobuf(b []byte) ([]byte, bool) {
	var data auditdata.LogEntryData
	// A level of JSON is three of the protobuf Struct that holds it.
	options := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: 3*maxDepth + 10}
	if err := options.Unmarshal(b, &data); err != nil {
		return nil, false
	}
	if data.GetProtoPayload() == nil && data.GetLogName() == "" {
		return nil, false
	}
	text, err := protojson.Marshal(&data)
	return text, err == nil
}

// messageFromProtobuf converts the message of a MessagePublishedData to JSON. That
// is the body of a Pub/Sub trigger whose eventDataContentType is
// application/protobuf. No generated type of it is published for Go, so its few
// fields are read by number: message 1 {data 1, attributes 2, messageId 3,
// publishTime 4, orderingKey 5}, subscription 2, deliveryAttempt 3.
// Source: google/events/cloud/pubsub/v1/data.proto in googleapis/google-cloudevents.
func messageFromProtobuf(b []byte) ([]byte, bool) {
	outer, ok := protobufFields(b, 3)
	if !ok || len(outer[1]) != 1 {
		return nil, false
	}
	inner, ok := protobufFields(outer[1][0], 5)
	if !ok || len(inner[1]) != 1 || len(inner[1][0]) == 0 {
		return nil, false
	}
	message := map[string]any{"data": inner[1][0]}
	if len(inner[3]) == 1 {
		message["messageId"] = string(inner[3][0])
	}
	attributes := map[string]string{}
	for _, entry := range inner[2] {
		pair, ok := protobufFields(entry, 2)
		if !ok || len(pair[1]) != 1 || len(pair[2]) != 1 {
			return nil, false
		}
		attributes[string(pair[1][0])] = string(pair[2][0])
	}
	message["attributes"] = attributes
	text, err := json.Marshal(message)
	return text, err == nil
}

// protobufFields splits a protobuf message into its fields of bytes. It reports
// false for a field number above most and for bytes that are not protobuf: then
// they are another message.
func protobufFields(b []byte, most protowire.Number) (map[protowire.Number][][]byte, bool) {
	fields := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || number > most {
			return nil, false
		}
		b = b[n:]
		if kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return nil, false
			}
			fields[number], b = append(fields[number], value), b[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return nil, false
		}
		b = b[n:]
	}
	return fields, true
}
