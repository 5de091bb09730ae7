package playground

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	strict "github.com/go-json-experiment/json"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
)

// maxRule bounds what is read of a rule.
const maxRule = 1 << 16

// disturber answers POST /_local/disturb: one rule for one subscription, in
// the place of its former one.
type disturber struct {
	broker *delivery.Broker
	rules  *delivery.Rules
}

// disturbance is a rule as it is written. With nothing but a subscription it
// ends what disturbs that.
type disturbance struct {
	Subscription string `json:"subscription"`
	Duplicate    int    `json:"duplicate"`
	Delay        string `json:"delay"`
	Reorder      bool   `json:"reorder"`
	Count        int    `json:"count"`
}

func (d disturber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rule, err := d.read(http.MaxBytesReader(w, r.Body, maxRule))
	if err == nil {
		err = d.rules.Set(rule)
	}
	status, answer := http.StatusOK, map[string]any{}
	if err != nil {
		status = http.StatusBadRequest
		answer["error"] = map[string]any{"code": status, "message": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client has gone
}

// Reset ends all disturbances.
func (d disturber) Reset() { d.rules.Clear() }

func (d disturber) read(body io.Reader) (delivery.Rule, error) {
	var sent disturbance
	if err := strict.UnmarshalRead(body, &sent, strict.RejectUnknownMembers(true)); err != nil {
		return delivery.Rule{}, fmt.Errorf(
			`reading the disturbance: %w; write {"subscription":"…","duplicate":1,"delay":"1s","reorder":true,"count":10}`, err)
	}
	rule := delivery.Rule{Duplicate: sent.Duplicate, Reorder: sent.Reorder, Count: sent.Count}
	var err error
	if sent.Delay != "" {
		if rule.Delay, err = time.ParseDuration(sent.Delay); err != nil {
			return rule, fmt.Errorf("reading delay %q: write a length of time, such as 1s or 250ms", sent.Delay)
		}
	}
	rule.Subscription, err = d.subscription(sent.Subscription)
	return rule, err
}

// subscription finds a subscription by its name, full or short.
func (d disturber) subscription(name string) (string, error) {
	var known []string
	for _, each := range d.broker.State() {
		_, short, _ := strings.Cut(each.Name, "/subscriptions/")
		if name == each.Name || name == short {
			return each.Name, nil
		}
		known = append(known, short)
	}
	if len(known) == 0 {
		return "", errors.New("there is no push subscription yet: attach a function, or create a trigger to one")
	}
	return "", fmt.Errorf("there is no push subscription %q: write one of %s", name, strings.Join(known, ", "))
}
