package workqueue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Item is one reason to look at a key.
type Item struct {
	// Key is what to look at, such as the name of a service.
	Key string
	// ID stays the same when the item is delivered again. An item without an ID is
	// never recognised as a redelivery.
	ID string
	// Payload is what the look needs to know. The queue does not read it.
	Payload []byte
	// Accepted is when a queue first took the item; zero = not yet.
	Accepted time.Time
	// GiveUpAt is when trying ends; zero = never.
	GiveUpAt time.Time
	// NotBefore is when the item is due; zero = at once.
	NotBefore time.Time
	// Alone items get a look of their own and wait for no other item.
	Alone bool
	// Urgent items do not wait until the key is due again, because they may report
	// what it waits for.
	Urgent bool
	// Unstored items are never kept in a due record: their sender delivers them again, and a
	// record that somebody else wrote cannot pass for one.
	Unstored bool
	// Fleeting items are kept in a due record however soon they are due, where there are records:
	// another instance may pass over what their sender delivers again. It is not carried in a message,
	// because nothing passes over what comes from a work topic.
	Fleeting bool
	// Restored means that the item comes from a due record.
	Restored bool
}

// The names of the attributes that carry an item beside its payload.
const (
	attributeKey       = "workqueue-key"
	attributeID        = "workqueue-id"
	attributeAccepted  = "workqueue-accepted"
	attributeGiveUpAt  = "workqueue-give-up-at"
	attributeNotBefore = "workqueue-not-before"
	attributeAlone     = "workqueue-alone"
	attributeUrgent    = "workqueue-urgent"
	attributeUnstored  = "workqueue-unstored"
	attributeRestored  = "workqueue-restored"
)

// Attributes describe the item beside its payload, as message attributes do. A
// value that is zero has no attribute.
func (i Item) Attributes() map[string]string {
	attributes := map[string]string{attributeKey: i.Key}
	if i.ID != "" {
		attributes[attributeID] = i.ID
	}
	for name, at := range map[string]time.Time{
		attributeAccepted: i.Accepted, attributeGiveUpAt: i.GiveUpAt, attributeNotBefore: i.NotBefore,
	} {
		if !at.IsZero() {
			attributes[name] = at.UTC().Format(time.RFC3339Nano)
		}
	}
	for name, set := range map[string]bool{attributeAlone: i.Alone, attributeUrgent: i.Urgent,
		attributeUnstored: i.Unstored, attributeRestored: i.Restored} {
		if set {
			attributes[name] = strconv.FormatBool(set)
		}
	}
	return attributes
}

// ParseItem reads what Attributes wrote. It ignores other attributes. An item without
// attributes has its payload only.
func ParseItem(payload []byte, attributes map[string]string) (Item, error) {
	item := Item{
		Key: attributes[attributeKey], ID: attributes[attributeID], Payload: payload,
		Alone: attributes[attributeAlone] != "", Urgent: attributes[attributeUrgent] != "",
		Unstored: attributes[attributeUnstored] != "", Restored: attributes[attributeRestored] != "",
	}
	var problems []error
	for name, at := range map[string]*time.Time{
		attributeAccepted: &item.Accepted, attributeGiveUpAt: &item.GiveUpAt, attributeNotBefore: &item.NotBefore,
	} {
		text, ok := attributes[name]
		if !ok {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339Nano, text); err != nil {
			problems = append(problems, fmt.Errorf("reading attribute %s: %w", name, err))
		}
	}
	return item, errors.Join(problems...)
}

// stored is an item in a due record.
type stored struct {
	Attributes map[string]string `json:"attributes"`
	Payload    []byte            `json:"payload"`
}

// store returns the payload of the item's due record.
func (i Item) store() ([]byte, error) {
	data, err := json.Marshal(stored{i.Attributes(), i.Payload})
	if err != nil {
		return nil, fmt.Errorf("encoding work on %s: %w", i.Key, err)
	}
	return data, nil
}

// restore reads what store wrote.
func restore(data []byte) (Item, error) {
	var record stored
	if err := json.Unmarshal(data, &record); err != nil {
		return Item{}, fmt.Errorf("decoding work: %w", err)
	}
	item, err := ParseItem(record.Payload, record.Attributes)
	item.Restored = true
	if err == nil && item.Key == "" {
		err = errors.New("decoding work: the key is missing")
	}
	return item, err
}

// group is what items wait for together: the key, or an item that is alone.
func (i Item) group() string {
	if i.Alone {
		return i.Key + "\n" + i.ID
	}
	return i.Key
}

// recordKey is the key of the item's due record: one for each group.
func (i Item) recordKey() string {
	if i.Alone {
		return i.Key + "#" + i.ID
	}
	return i.Key
}
