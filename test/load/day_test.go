package load

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/event"
)

// relevantEvery is how rare a relevant entry is in a sink that exports
// everything.
const relevantEvery = 500

// day writes n entries, newline-delimited; every relevantEvery-th is a deploy
// of another service, the others are no concern of ours.
func day(w io.WriteCloser, n int) {
	defer w.Close()
	others := []string{
		irrelevant,
		`{"insertId":"I","logName":"projects/demo-project/logs/run.googleapis.com%2Fstderr","textPayload":"` + strings.Repeat("x", 600) + `","resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"s"}}}`,
		`{"insertId":"I","logName":"projects/demo-project/logs/run.googleapis.com%2Frequests","httpRequest":{"status":200,"requestUrl":"https://s-uc.a.run.app/"},"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"s"}}}`,
		`{"insertId":"I","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Fdata_access","protoPayload":{"serviceName":"storage.googleapis.com","methodName":"storage.objects.get","status":{}}}`,
		`{"insertId":"I","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity","protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v2.Jobs.RunJob","resourceName":"projects/demo-project/locations/us-central1/jobs/j"}}`,
	}
	for i := range n {
		line := others[i%len(others)]
		if i%relevantEvery == 0 {
			line = fmt.Sprintf(`{"insertId":"i%d","logName":"projects/demo-project/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":"2026-11-23T12:00:00Z",`+
				`"resource":{"type":"cloud_run_revision","labels":{"project_id":"demo-project","location":"us-central1","service_name":"s%d"}},`+
				`"protoPayload":{"serviceName":"run.googleapis.com","methodName":"google.cloud.run.v1.Services.ReplaceService","resourceName":"namespaces/demo-project/services/s%d"}}`, i, i, i)
		}
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return
		}
	}
}

// A day of 1,000,000 entries is read with FULL=1, a tenth of it otherwise.
func TestADayOfEverythingLeadsToExactlyTheRightCausesInConstantMemory(t *testing.T) {
	entries := 100_000
	if os.Getenv("FULL") == "1" {
		entries = 1_000_000
	}
	reader, writer := io.Pipe()
	go day(writer, entries)
	began, read, right, most := time.Now(), 0, 0, uint64(0)
	err := event.Read(reader, event.Self{}, func(_ int, result event.Result) error {
		if cause := result.Cause; cause != nil {
			if want := fmt.Sprintf("s%d", read); cause.Kind != event.RunServiceChanged || cause.Service != want {
				return fmt.Errorf("entry %d became %s of %s, want %s", read, cause.Kind, cause.Service, want)
			}
			right++
		} else if read%relevantEvery == 0 {
			return fmt.Errorf("entry %d was ignored: %s", read, result.Why)
		}
		if read++; read%10_000 == 0 {
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			most = max(most, memory.HeapAlloc)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{entries, (entries + relevantEvery - 1) / relevantEvery}, []int{read, right}); diff != "" {
		t.Errorf("entries read and causes (-want +got):\n%s", diff)
	}
	const bound = 64 << 20
	if most > bound {
		t.Errorf("%d bytes of heap at most, want no more than %d", most, bound)
	}
	t.Logf("%d entries, %d causes, %.0f a second, %d KiB of heap at most", read, right, float64(read)/time.Since(began).Seconds(), most>>10)
}
