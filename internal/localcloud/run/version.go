package run

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// etag is the version of a resource in v2: in double quotes, base64 of a
// google.protobuf.Timestamp of its update time, a slash, and base64 of its
// name (decoded from recordings).
func etag(updated time.Time, name string) string {
	proto := []byte{0x08}
	proto = binary.AppendUvarint(proto, uint64(updated.Unix()))
	if nanos := updated.Nanosecond(); nanos > 0 {
		proto = append(proto, 0x10)
		proto = binary.AppendUvarint(proto, uint64(nanos))
	}
	encode := base64.RawStdEncoding.EncodeToString
	return `"` + encode(proto) + "/" + encode([]byte(name)) + `"`
}

// etagVersion reads the epoch microseconds back out of an etag; 0 = it is not
// one of ours.
func etagVersion(etag string) int64 {
	// Base64 may hold a slash too, but never that of an ASCII name.
	text := strings.Trim(etag, `"`)
	text = text[:max(0, strings.LastIndexByte(text, '/'))]
	proto, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(proto) == 0 || proto[0] != 0x08 {
		return 0
	}
	seconds, n := binary.Uvarint(proto[1:])
	if n <= 0 {
		return 0
	}
	var nanos uint64
	if rest := proto[1+n:]; len(rest) > 0 && rest[0] == 0x10 {
		nanos, _ = binary.Uvarint(rest[1:])
	}
	return time.Unix(int64(seconds), int64(nanos)).UnixMicro()
}

// resourceVersion is the version of a service in v1: base64 of eight bytes of
// epoch microseconds (decoded from recordings).
func resourceVersion(updated time.Time) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(updated.UnixMicro()))
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// resourceVersionNumber is the opposite; 0 = it is none.
func resourceVersionNumber(version string) int64 {
	b, err := base64.RawStdEncoding.DecodeString(version)
	if err != nil || len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}
