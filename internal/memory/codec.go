package memory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// format is the version of the envelope. A reader refuses a higher one.
const format = 1

// envelope is what the store holds.
type envelope struct {
	Format int             `json:"format"`
	Record json.RawMessage `json:"record"`
	// MAC is the HMAC-SHA256 of the record's name and bytes, in hexadecimal.
	MAC string `json:"mac,omitempty"`
}

// record is what all records have.
type record interface {
	header() *Header
	limit() int // of the encoded record, in bytes
	// shrink drops entries of excess bytes in all, the least needed first. It reports
	// whether it dropped any.
	shrink(excess int) bool
}

// encode returns a record's bytes. It drops entries until they fit.
func (m *Memory) encode(name string, r record) ([]byte, error) {
	key, err := m.key()
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	for {
		raw, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("encoding: %w", err)
		}
		sealed := envelope{Format: format, Record: raw}
		if len(key) > 0 {
			sealed.MAC = hex.EncodeToString(mac(name, raw, key))
		}
		data, err := json.Marshal(sealed)
		if err != nil {
			return nil, fmt.Errorf("encoding: %w", err)
		}
		if len(data) <= r.limit() {
			return data, nil
		}
		if !r.shrink(len(data) - r.limit()) {
			return nil, fmt.Errorf("encoding: %d bytes are more than the %d that a record may have", len(data), r.limit())
		}
		r.header().Truncated = true
	}
}

// list is a list of entries that can be dropped.
type list struct {
	sizes []int       // of the encoded entries, in the order in which they are dropped
	drop  func(n int) // drops the first n of that order
}

// listOf is a list that drops entries from its front.
func listOf[E any](entries *[]E) list {
	return list{sizesOf(*entries), func(n int) { *entries = (*entries)[n:] }}
}

func sizesOf[E any](entries []E) []int {
	sizes := make([]int, len(entries))
	for i, entry := range entries {
		encoded, err := json.Marshal(entry)
		if err != nil {
			continue // the record cannot be encoded either, which is an error there
		}
		sizes[i] = len(encoded) + len(",")
	}
	return sizes
}

// shrink drops entries of excess bytes, each from the list that is the largest at
// that point, so no list crowds out another. It returns the bytes that are left to
// drop, and whether it dropped any entry.
func shrink(excess int, lists ...list) (left int, dropped bool) {
	totals, numbers := make([]int, len(lists)), make([]int, len(lists))
	for i, each := range lists {
		for _, size := range each.sizes {
			totals[i] += size
		}
	}
	for excess > 0 {
		largest := -1
		for i, each := range lists {
			if numbers[i] < len(each.sizes) && (largest < 0 || totals[i] > totals[largest]) {
				largest = i
			}
		}
		if largest < 0 {
			break
		}
		size := lists[largest].sizes[numbers[largest]]
		numbers[largest]++
		totals[largest] -= size
		excess -= size
	}
	for i, number := range numbers {
		if number > 0 {
			lists[i].drop(number)
			dropped = true
		}
	}
	return excess, dropped
}

// decode reads a record. With a key it refuses a record that was not written with
// that key.
func (m *Memory) decode(name string, data []byte, r record) error {
	key, err := m.key()
	if err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	var sealed envelope
	if err := json.Unmarshal(data, &sealed); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	if sealed.Format < 1 || sealed.Format > format {
		return fmt.Errorf("decoding: format %d is not known to this version", sealed.Format)
	}
	if len(key) > 0 {
		given, err := hex.DecodeString(sealed.MAC)
		if err != nil || !hmac.Equal(given, mac(name, sealed.Record, key)) {
			return fmt.Errorf("decoding: the MAC does not match: the record was not written with this key")
		}
	}
	if err := json.Unmarshal(sealed.Record, r); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	return nil
}

// mac covers the name too, so a record cannot be moved to another name.
func mac(name string, raw, key []byte) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(name))
	hash.Write([]byte{0})
	hash.Write(raw)
	return hash.Sum(nil)
}
