package secret

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/internal/fault"
)

func TestAValueIsNeverPrinted(t *testing.T) {
	value := Value{"hunter2"}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	held := struct{ V Value }{value}
	for _, printed := range []string{
		string(data), fmt.Sprint(value), fmt.Sprintf("%v %+v %#v %s %q",
			value, value, value, value, value), fmt.Sprintf("%v %+v %#v", held, &held, held),
	} {
		if strings.Contains(printed, "hunter2") {
			t.Errorf("it is printed: %s", printed)
		}
	}
}

func TestAnErrorLosesTheValueAndKeepsItsKind(t *testing.T) {
	value := Value{"hunter2"}
	err := value.Redact(fmt.Errorf("patching: %w",
		&fault.Error{Kind: fault.Quota, Permission: "a.b.c", Err: fmt.Errorf("bad value 'hunter2'")}))
	if got := fault.Of(err); err.Error() != "patching: bad value '[secret]'" || got.Kind != fault.Quota ||
		got.Permission != "a.b.c" {
		t.Errorf("%v, %+v", err, got)
	}
	if plain := fmt.Errorf("other"); value.Redact(plain) != plain || value.Redact(nil) != nil {
		t.Error("an error without the value is another one now")
	}
}
