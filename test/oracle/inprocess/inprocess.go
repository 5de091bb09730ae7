// Package inprocess leads requests to a local cloud without a network: those of clients
// to its APIs, and those of visitors to its data plane.
package inprocess

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"

	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	broker "github.com/iapguard/iapguard/internal/localcloud/delivery/inprocess"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/test/oracle/judge"
)

// Transport answers the calls of Google's clients from a handler.
type Transport struct{ http.Handler }

// RoundTrip answers one call. A call that its client has given up is answered all the
// same.
func (t Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	received := request.Clone(context.WithoutCancel(request.Context()))
	received.Host, received.RequestURI, received.RemoteAddr = "localhost", request.URL.RequestURI(), "127.0.0.1:1"
	if received.Body == nil {
		received.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	t.ServeHTTP(recorder, received)
	_ = received.Body.Close() // as transports must
	answer := recorder.Result()
	answer.Request = request
	return answer, nil
}

// Doors answers as the data plane does, and names in headers the containers that a
// request, or a copy of it, came to.
func Doors(data *dataplane.DataPlane) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data.Watched(func(entry logging.Entry) {
			header := judge.Reached
			to, err := url.Parse(fmt.Sprint(entry.HTTPRequest["requestUrl"]))
			if err == nil && strings.HasSuffix(to.Host, "-shadow") {
				header = judge.Copied
			}
			labels := entry.Resource.Labels
			for label, collection := range map[string]string{"service_name": "/services/", "instance_name": "/instances/"} {
				if name := labels[label]; name != "" && entry.HTTPRequest["status"] == http.StatusOK {
					w.Header().Add(header, "projects/"+labels["project_id"]+"/locations/"+labels["location"]+collection+name)
				}
			}
		}).ServeHTTP(w, r)
	})
}

// PubSub is a Pub/Sub without topics and subscriptions. It starts nothing and keeps nothing.
type PubSub struct{}

// Address is empty: there is no gRPC server.
func (PubSub) Address() string { return "" }

// Invoke answers every call with an empty message.
func (PubSub) Invoke(context.Context, string, proto.Message, proto.Message) error { return nil }

// Contents are empty.
func (PubSub) Contents() ([]*pubsubpb.Topic, []*pubsubpb.Subscription) { return nil, nil }

// State is empty.
func (PubSub) State() []delivery.SubscriptionState { return nil }

// Backlogs are none.
func (PubSub) Backlogs() []broker.Backlog { return nil }

// Reset does nothing.
func (PubSub) Reset() {}

// Rows does nothing: there are no messages to write.
func (PubSub) Rows(func(delivery.Export, delivery.Attempt) error) {}
