package topic_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iapguard/iapguard/internal/cloud/topic"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/workqueue"
	"github.com/iapguard/iapguard/internal/workqueue/conformance"
)

const (
	project   = "demo-project"
	workTopic = "projects/demo-project/topics/work"
)

// workers are the processes that Pub/Sub pushes to in turn.
type workers struct {
	t    *testing.T
	all  []*workqueue.Worker
	next atomic.Int64
}

func (w *workers) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusServiceUnavailable)
		return
	}
	item, err := topic.ReadPush(body)
	if err != nil {
		w.t.Errorf("a message cannot be read: %v", err)
		return
	}
	worker := w.all[int(w.next.Add(1))%len(w.all)]
	if err := worker.Deliver(r.Context(), item, workqueue.HoldInAll); err != nil {
		http.Error(answer, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer.WriteHeader(http.StatusNoContent)
}

// open gives a queue whose messages go through an in-process broker and over HTTP.
func open(t *testing.T, processes []workqueue.Options) workqueue.Queue {
	t.Helper()
	ctx := t.Context()
	broker, err := delivery.Start(ctx, delivery.Options{Project: project})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := broker.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := broker.CreateTopic(ctx, workTopic); err != nil {
		t.Fatal(err)
	}
	pushed := &workers{t: t}
	for _, options := range processes {
		pushed.all = append(pushed.all, workqueue.NewWorker(options))
	}
	server := httptest.NewServer(pushed)
	t.Cleanup(server.Close)
	if err := broker.Push(ctx, delivery.Subscription{
		Name: "projects/demo-project/subscriptions/work", Topic: workTopic, Endpoint: server.URL, Ordered: true,
		AckDeadline: 600 * time.Second, MinBackoff: 2 * time.Millisecond, MaxBackoff: 10 * time.Millisecond,
		MaxDeliveryAttempts: 100,
	}); err != nil {
		t.Fatal(err)
	}
	published, err := topic.Open(ctx, workTopic, broker.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := published.Close(); err != nil {
			t.Error(err)
		}
	})
	return topic.NewQueue(published, workqueue.NewAcceptance(processes[0].Clock, conformance.GiveUpAfter), nil)
}

func TestPubSubConforms(t *testing.T) { conformance.Run(t, open) }
