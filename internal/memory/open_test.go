package memory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/memory"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestTheIndexKnowsWhatIsOpen(t *testing.T) {
	store := memory.NewInProcess()
	m := open(store)
	shop := posture.Target{Project: "shop-prod", Location: "us-central1", Service: "web"}
	mail := posture.Target{Project: "shop-prod", Location: "us-central1", Service: "mail"}
	set := func(target posture.Target, since time.Time) {
		t.Helper()
		if err := m.SetOpen(t.Context(), target, since); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, services ...memory.OpenService) {
		t.Helper()
		got, dropped, err := open(store).OpenServices(t.Context())
		if diff := cmp.Diff(services, got); diff != "" || dropped != 0 || err != nil {
			t.Errorf("%s: %d dropped, %v (-want +got):\n%s", what, dropped, err, diff)
		}
	}
	set(shop, time.Time{})
	want("nothing is open")
	set(shop, began.Add(time.Hour))
	set(mail, began)
	want("the longest open first", memory.OpenService{Target: mail, Since: began},
		memory.OpenService{Target: shop, Since: began.Add(time.Hour)})
	set(mail, time.Time{})
	want("one was closed", memory.OpenService{Target: shop, Since: began.Add(time.Hour)})
}
