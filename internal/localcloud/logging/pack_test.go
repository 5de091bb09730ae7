package logging

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPackedEntriesAreReadAsTheyWereWritten(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	kept := journal{most: 1 << 30}
	var want []string
	for i := range 5*blockEntries + 7 {
		raw := fmt.Sprintf(`{"textPayload":"entry %d","severity":"INFO"}`, i)
		since := at.Add(time.Duration(i) * time.Second)
		if i%10 == 9 { // one that arrives late
			since = since.Add(-5500 * time.Millisecond)
		}
		kept.add(&stored{raw: json.RawMessage(raw), place: place{at: since}, log: "projects/p/logs/l"}, since)
	}
	raws, all := 0, kept.between(query{filter: parsed(t, "")})
	for _, each := range all {
		if each.raw != nil {
			raws++
		}
	}
	if raws > 2*blockEntries || len(all) != 5*blockEntries+7 {
		t.Errorf("of %d entries %d are not packed, want at most %d", len(all), raws, 2*blockEntries)
	}
	if !slices.IsSortedFunc(all, func(a, b *stored) int { return a.place.compare(b.place) }) {
		t.Error("packed entries are not in their order")
	}
	for i := range 5*blockEntries + 7 {
		want = append(want, fmt.Sprintf("entry %d", i))
	}
	for filter, count := range map[string]int{"": len(want), `textPayload="entry 700"`: 1, `"entry 300"`: 1, `textPayload="none"`: 0} {
		page, _, err := query{filter: parsed(t, filter), now: at}.choose(context.Background(), all)
		if err != nil || len(page) != count {
			t.Fatalf("filter %q selects %d, %v, want %d", filter, len(page), err, count)
		}
		if filter != "" {
			continue
		}
		var got []string
		for _, each := range page {
			got = append(got, decoded(each.raw)["textPayload"].(string))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
	}
}

func TestTheBoundOfTheLogCountsWhatIsPacked(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	kept := journal{most: 1000 * (2 + overhead)}
	for i := range 10 * blockEntries {
		kept.add(&stored{raw: json.RawMessage(`{}`), place: place{at: at.Add(time.Duration(i))}}, at)
	}
	if len(kept.entries) != 1000 || kept.bytes != kept.most {
		t.Errorf("%d entries of %d bytes are kept, want 1000 of %d", len(kept.entries), kept.bytes, kept.most)
	}
}

func parsed(t *testing.T, text string) *Filter {
	t.Helper()
	filter, err := ParseFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	return filter
}
