package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A report is the same in every form in which a tool prints it.
func TestEveryFormIsRead(t *testing.T) {
	want := full()
	plain, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := json.Marshal([]any{map[string]any{"ackId": "a", "message": map[string]any{"data": plain, "messageId": "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	var row map[string]any
	if err := json.Unmarshal(plain, &row); err != nil {
		t.Fatal(err)
	}
	row["message_id"], row["attributes"], row["subscription_name"] = "1", "{}", "s"
	row["steps"].([]any)[0].(map[string]any)["change"] = map[string]any{"role": nil, "member": nil, "members": []any{}}
	texts(row)
	byWords := full()
	byWords.Steps[0].Change = nil
	inWords, err := json.Marshal(byWords)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := json.Marshal([]any{row})
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{"specversion": "1.0", "data": json.RawMessage(plain)})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a report": string(plain), "an event": string(event), "what gcloud pulls": string(pulled), "what bq prints": string(rows),
		"one after the other": string(plain) + "\n" + string(event),
	} {
		got, err := ReadAll(strings.NewReader(text))
		if err != nil || len(got) != 1+strings.Count(name, "other") {
			t.Errorf("%s: %d reports, %v", name, len(got), err)
			continue
		}
		first, err := json.Marshal(got[0])
		sent := string(plain)
		if name == "what bq prints" {
			sent = string(inWords)
		}
		if diff := cmp.Diff(sent, string(first)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for text, says := range map[string]string{
		"{":             "entry 1 is not JSON",
		`[{"a": 1}]`:    "entry 1: element 1: ",
		`{"data": "x"}`: "entry 1: ",
	} {
		if _, err := ReadAll(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

// texts turns numbers and truth values into texts, and times into those of BigQuery.
func texts(of any) {
	switch v := of.(type) {
	case map[string]any:
		for name, each := range v {
			switch one := each.(type) {
			case float64, bool:
				text, _ := json.Marshal(one) // it came from JSON
				v[name] = string(text)
			case string:
				if len(one) > 19 && one[10] == 'T' && strings.HasSuffix(one, "Z") {
					v[name] = strings.Replace(strings.TrimSuffix(one, "Z"), "T", " ", 1)
				}
			default:
				texts(each)
			}
		}
	case []any:
		for _, each := range v {
			texts(each)
		}
	}
}
