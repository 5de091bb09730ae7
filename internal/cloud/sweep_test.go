package cloud_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/cloud"
	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/event"
	"github.com/iapguard/iapguard/internal/posture"
)

func TestEachSweepAndProjectIsSharedApart(t *testing.T) {
	now := time.Now()
	clients, err := cloud.Connect(t.Context(), connect.Config{Endpoint: "http://127.0.0.1:1"}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	swept := func(sweep, project string) *cloud.Cloud {
		t.Helper()
		many, err := clients.Swept(sweep, posture.Target{Project: project})
		if err != nil {
			t.Fatal(err)
		}
		return many
	}
	first := swept("a", "shop")
	changed := func(project string) {
		clients.Refresh(event.Cause{Kind: event.BackendServiceChanged}, posture.Target{Project: project})
	}
	for _, tc := range []struct {
		what   string
		before func()
		asked  func() *cloud.Cloud
		same   bool
	}{
		{"the same", func() {}, func() *cloud.Cloud { return swept("a", "shop") }, true},
		{"another project", func() {}, func() *cloud.Cloud { return swept("a", "books") }, false},
		{"another sweep", func() {}, func() *cloud.Cloud { return swept("b", "shop") }, false},
		{"a change of another project", func() { changed("books") }, func() *cloud.Cloud { return swept("a", "shop") }, true},
		{"a command", func() {
			clients.Refresh(event.Cause{Kind: event.CommandReceived, Command: &event.Command{Name: "sweep"}}, posture.Target{Project: "shop"})
		}, func() *cloud.Cloud { return swept("a", "shop") }, true},
		{"a change of the project", func() { changed("shop") }, func() *cloud.Cloud { return swept("a", "shop") }, false},
	} {
		tc.before()
		if got := tc.asked(); (got == first) != tc.same {
			t.Errorf("%s: the readings are the same: %t, want %t", tc.what, got == first, tc.same)
		}
	}
	first = swept("a", "shop")
	for i := range 16 {
		swept("a", fmt.Sprintf("project-%d", i))
	}
	if swept("a", "shop") == first {
		t.Error("of 17 projects the first is kept, want 16 at most")
	}
	for _, later := range []time.Duration{time.Minute, -time.Hour} {
		before := swept("a", "shop")
		now = now.Add(later)
		if swept("a", "shop") == before {
			t.Errorf("after %s the readings are the same", later)
		}
	}
}
