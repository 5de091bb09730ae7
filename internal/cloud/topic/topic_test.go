package topic

import (
	"net"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/fault"
)

// A server that accepts connections and says nothing is what a broken network looks like.
func TestAPublishThatHangsEndsAsUnavailable(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	opened, err := Open(t.Context(), "projects/demo-project/topics/reports", silent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	if opened.patience != publishPatience || opened.publisher.PublishSettings.Timeout != publishPatience {
		t.Errorf("a publish may take %s here and %s in the library, want %s",
			opened.patience, opened.publisher.PublishSettings.Timeout, publishPatience)
	}
	opened.patience, opened.publisher.PublishSettings.Timeout = 50*time.Millisecond, 50*time.Millisecond
	if err := opened.Send(t.Context(), []byte("text")); fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("publishing: %v, want that the topic is unavailable", err)
	}
	if err := opened.Check(t.Context()); err == nil {
		t.Error("the topic is there")
	}
}
