package localcloud_test

import (
	"os"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/localcloud"
)

func TestFaultsThatNobodyUnderstandsAreRefusedWithWhatToWrite(t *testing.T) {
	b := newBench(t, localcloud.Options{})
	const before = `[{"method":"run.*","action":"status","status":503}]`
	b.faults(before)
	for fault, want := range map[string]string{
		`{}`:                                 "write a JSON list",
		`[1]`:                                "write a JSON list",
		`[{}]`:                               `action "" is not known: write one of cut, fail-operation`,
		`[{"action":"explode"}]`:             `action "explode" is not known`,
		`[{"action":"cut","methd":"run.*"}]`: `key "methd" does not go with action "cut": write action, every, method`,
		`[{"action":"cut"}]`:                 `action "cut" needs the key "method"`,
		`[{"action":"cut","method":"run.*","delay":"1s"}]`:                             `key "delay" does not go with action "cut"`,
		`[{"action":"cut","method":"run.nothing"}]`:                                    `no method is called "run.nothing"`,
		`[{"action":"cut","method":"run.*","when":"during"}]`:                          `write "before" or "after"`,
		`[{"action":"cut","method":"run.*","times":0}]`:                                `times and every are at least 1`,
		`[{"action":"cut","method":"run.*","times":"2"}]`:                              `reading its values`,
		`[{"action":"cut","method":"run.*","principal":"bob"}]`:                        `write "user:EMAIL"`,
		`[{"action":"status","method":"run.*","status":200}]`:                          `status 200 is not an HTTP error`,
		`[{"action":"slow","method":"run.*","delay":"soon"}]`:                          `write a duration`,
		`[{"action":"late-iam","delay":"2h"}]`:                                         `at most an hour`,
		`[{"action":"partial-lists","method":"run.*","place":"Europe"}]`:               `place "Europe" is not a location`,
		`[{"action":"stuck-grant","service":"hello","until":"redeploy"}]`:              `service "hello" is not a full name`,
		`[{"action":"stuck-grant","service":"` + run[4:] + `/hello","until":"later"}]`: `write "redeploy" or "forever"`,
		`[{"action":"cut","method":"run.*"},{"action":"x"}]`:                           `fault 2:`,
	} {
		status, answer := b.call("POST", "/_local/faults", fault)
		if status != 400 || !strings.Contains(message(answer), want) {
			t.Errorf("%s: %d %q, want 400 … %q", fault, status, message(answer), want)
		}
	}
	if b.fired() != "[{0 0}]" {
		t.Errorf("after what was refused the faults are %s", b.fired())
	}
}

func TestTheExampleInTheInstructionsIsUnderstood(t *testing.T) {
	text, err := os.ReadFile("../../deploy/docs/reference/local-cloud.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(text), "/_local/faults -d '")
	example, _, ended := strings.Cut(example, "'")
	if !found || !ended {
		t.Fatal("local-cloud.md shows no faults")
	}
	b := newBench(t, localcloud.Options{})
	b.faults(example)
	if got := b.fired(); got != "[{0 0} {0 0} {0 0}]" {
		t.Errorf("the example sets %s", got)
	}
	for action := range strings.FieldsSeq("status cut slow truncate fail-operation hang-operation partial-lists write-first late-iam late-settings stale-lists stale-inventory stuck-grant") {
		if !strings.Contains(string(text), "`"+action+"`") {
			t.Errorf("local-cloud.md does not name the action %s", action)
		}
	}
}
