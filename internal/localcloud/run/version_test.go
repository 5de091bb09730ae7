package run

import (
	"testing"
	"time"
)

func TestVersionsReadBackAsTheTimesTheyWereMadeOf(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for range 5000 {
		if got := etagVersion(etag(at, "projects/p/locations/l/services/s")); got != at.UnixMicro() {
			t.Fatalf("etag of %s: got %d, want %d", at, got, at.UnixMicro())
		}
		if got := resourceVersionNumber(resourceVersion(at)); got != at.UnixMicro() {
			t.Fatalf("resourceVersion of %s: got %d, want %d", at, got, at.UnixMicro())
		}
		at = at.Add(1234567 * time.Microsecond)
	}
	for _, other := range []string{"", "x", `""`, `"/"`, `"CA/x"`, `"!!/x"`, `"CP/x"`} {
		if got := etagVersion(other); got != 0 {
			t.Errorf("etag %s: got %d, want 0", other, got)
		}
	}
}

func TestAnEtagIsWrittenAsRecorded(t *testing.T) {
	updated := time.Date(2024, 4, 25, 1, 58, 35, 886675000, time.UTC)
	const name = "projects/example-project/locations/us-central1/services/s"
	if got, want := etag(updated, name)[:len(`"CMvxprEGELis5qYD/cHJvamVj`)], `"CMvxprEGELis5qYD/cHJvamVj`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	created := time.Date(2023, 3, 31, 10, 53, 45, 0, time.UTC)
	if got, want := resourceVersion(created)[:5], "AAX4M"; got != want {
		t.Errorf("resourceVersion %s, want it to begin with %s", got, want)
	}
}
