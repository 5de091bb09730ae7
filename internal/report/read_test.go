package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAReportIsReadBackAsItWasWritten(t *testing.T) {
	want := full()
	event, err := want.Event("own-project")
	if err != nil {
		t.Fatal(err)
	}
	structured, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"data": event.Data(), "structured CloudEvent": structured} {
		got, err := Read(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
	}
}

func TestAReportOfAnOlderVersionIsRead(t *testing.T) {
	written, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read([]byte(strings.Replace(string(written), `"exposed":"yes"`, `"exposed":true`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("(-today +read):\n%s", diff)
	}
}

func TestWhatIsNoReportIsRefusedInOneLine(t *testing.T) {
	written, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string {
		changed := strings.Replace(string(written), old, new, 1)
		if changed == string(written) {
			t.Fatalf("%s is not in the report", old)
		}
		return changed
	}
	for _, tc := range []struct{ name, data, want string }{
		{"nothing", "", "it is not JSON"},
		{"a list", "[]", "the report: "},
		{"an unknown field", change(`"runId"`, `"surprise":1,"runId"`), "surprise"},
		{"an outcome that is none", change(`"outcome":"started"`, `"outcome":"undone"`), "/outcome: "},
		{"a step without an operation", change(`"op":"enable-iap",`, ``), "/steps/0: "},
		{"a time that is none", change(`"observedAt":"2026`, `"observedAt":"soon`), "/observedAt: "},
	} {
		_, err := Read([]byte(tc.data))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", tc.name, err, tc.want)
		}
	}
}
