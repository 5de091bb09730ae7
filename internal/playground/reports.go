package playground

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
)

// Report is one message of the reports topic: the attributes and the data of a
// CloudEvent in the Pub/Sub protocol binding.
type Report struct {
	Attributes map[string]string
	Data       json.RawMessage
}

// OnReport calls each for every report from now on, one at a time and in the
// order in which they were published for one service.
func (s *Playground) OnReport(ctx context.Context, each func(Report)) error {
	turn := make(chan struct{}, 1)
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var push struct {
			Message struct {
				Data       []byte            `json:"data"`
				Attributes map[string]string `json:"attributes"`
			} `json:"message"`
		}
		if err := json.NewDecoder(r.Body).Decode(&push); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		turn <- struct{}{}
		each(Report{push.Message.Attributes, push.Message.Data})
		<-turn
		w.WriteHeader(http.StatusNoContent)
	})
	endpoint, err := s.listen(ctx, "127.0.0.1:0", receiver)
	if err != nil {
		return err
	}
	return s.Broker.Push(ctx, delivery.Subscription{
		Name: "projects/" + Project + "/subscriptions/iapguard-reports-local", Topic: ReportsTopic, Endpoint: endpoint + "/",
		Ordered: true,
	})
}

// Structured is the report as a CloudEvent in structured JSON.
// Source: the CloudEvents JSON format and Pub/Sub protocol binding.
func (r Report) Structured() ([]byte, error) {
	event := map[string]any{"data": r.Data}
	for name, value := range r.Attributes {
		if attribute, ok := strings.CutPrefix(name, "ce-"); ok {
			event[attribute] = value
		}
	}
	if kind := r.Attributes["content-type"]; kind != "" {
		event["datacontenttype"] = kind
	}
	text, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encoding a report: %w", err)
	}
	return text, nil
}
