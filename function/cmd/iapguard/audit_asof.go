package main

import (
	"fmt"
	"time"
)

// asOf is since when a service may be another than the audit shows: something that was not read now
// decides how it stands.
type asOf struct {
	At time.Time `json:"at"`
	By asOfBy    `json:"by"`
}

// asOfBy is what was not read now.
type asOfBy string

const (
	byInventory  asOfBy = "inventory"   // IAM policies, which are those of Cloud Asset Inventory
	byEarlierRun asOfBy = "earlier-run" // everything, which an audit read that --resume goes on with
)

// words say what was not read now.
func (b asOfBy) words() string {
	if b == byEarlierRun {
		return "read by an earlier run"
	}
	return "IAM policies by Cloud Asset Inventory"
}

// text is for a person.
func (a asOf) text() string {
	return fmt.Sprintf("as of %s: %s", a.At.UTC().Format("2006-01-02 15:04 UTC"), a.By.words())
}

// earlier is the earlier one of two, nil = now.
func (a *asOf) earlier(b *asOf) *asOf {
	if a == nil || b != nil && b.At.Before(a.At) {
		return b
	}
	return a
}

// asOfWords say how many services are not as of now, and since when the oldest of them is not.
func (a audit) asOfWords() (words []string) {
	for _, by := range []asOfBy{byInventory, byEarlierRun} {
		count := 0
		var oldest *asOf
		for _, one := range a.Services {
			if one.AsOf != nil && one.AsOf.By == by {
				count++
				oldest = one.AsOf.earlier(oldest)
			}
		}
		if count > 0 {
			words = append(words, fmt.Sprintf("%d of %s %s", count, counted(len(a.Services), "service"), oldest.text()))
		}
	}
	return words
}
