package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/delivery"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/playground"
)

// raised lists the audit log entries since the last look that raise the alert guard-changed, by
// the filter of deploy/terraform and what it extracts.
func (p *play) raised([]string) ([]string, error) {
	p.playground.Cloud.Settle()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "filters", "guard.filter"))
	if err != nil {
		return nil, err
	}
	filter, err := logging.ParseFilter(strings.NewReplacer("${name}", playground.FunctionService, "${role}",
		playground.FunctionService, "${project}", playground.Project, "${number}", playground.ProjectNumber).Replace(string(text)))
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, entry := range p.playground.Cloud.Logs().Entries(filter) {
		var read struct {
			InsertID     string
			ProtoPayload struct {
				MethodName, ResourceName string
				AuthenticationInfo       struct{ PrincipalEmail string }
			}
		}
		if err := json.Unmarshal(entry, &read); err != nil {
			return nil, err
		}
		if !p.alerted[read.InsertID] {
			p.alerted[read.InsertID] = true
			call := read.ProtoPayload
			lines = append(lines, fmt.Sprintf("%s of %s by %s", call.MethodName[strings.LastIndex(call.MethodName, ".")+1:],
				call.ResourceName, call.AuthenticationInfo.PrincipalEmail))
		}
	}
	return lines, nil
}

// The topic of refused requests as deploy/intake.yaml has it: apart from all others, with few
// attempts and dead letters of its own.
const (
	refusedTopic       = "projects/" + playground.Project + "/topics/iapguard-refused"
	refusedDeadLetters = refusedTopic + "-dead-letters"
	refusedAttempts    = 5
)

// refusedApart makes the topic of refused requests, whose messages are kept as all others are.
func (p *play) refusedApart() error {
	for _, topic := range []string{refusedDeadLetters, refusedTopic} {
		if err := p.playground.Broker.CreateTopic(p.ctx, topic); err != nil {
			return err
		}
	}
	kept := httptest.NewServer(http.HandlerFunc(p.keep))
	p.t.Cleanup(kept.Close)
	return p.playground.Broker.Push(p.ctx, delivery.Subscription{
		Name: strings.Replace(refusedTopic, "/topics/", "/subscriptions/", 1), Topic: refusedTopic, Endpoint: kept.URL + "/",
		AckDeadline: 600 * time.Second, MinBackoff: 10 * time.Second, MaxBackoff: 120 * time.Second,
		DeadLetterTopic: refusedDeadLetters, MaxDeliveryAttempts: refusedAttempts, Account: playground.PushAccount,
		Audience: playground.FunctionAudience,
	})
}

// tally counts what the function was given of one subscription.
type tally struct{ messages, most int }

// deliveries shows what the function was given of each subscription since the last look.
func (p *play) deliveries([]string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	totals := map[string]tally{}
	for message, times := range p.given {
		name := message.subscription[strings.LastIndex(message.subscription, "/")+1:]
		of := totals[name]
		totals[name] = tally{of.messages + 1, max(of.most, times)}
	}
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		lines = append(lines, fmt.Sprintf("%s: %d messages, each at most %d times", name, totals[name].messages, totals[name].most))
	}
	p.given = map[message]int{}
	return lines, nil
}

// message is one message of a subscription.
type message struct {
	subscription string
	number       int
}
