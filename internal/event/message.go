package event

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The bounds of one message. What is larger is refused at once.
const (
	// MaxBody is the largest body, and the largest single entry of a file, in
	// bytes. Pub/Sub's own limit is 10 MB (pubsub/quotas); the same bound holds
	// after decompression.
	MaxBody = 10 << 20
	// MaxDepth is how deep JSON may be nested.
	MaxDepth = 200

	maxEntries   = 1000 // in one message; more is no message that Google sends
	maxEnvelopes = 5    // one inside the other
)

// reportType starts the type of every event that we publish ourselves.
const reportType = "dev.iapguard.report.v1."

// Message is one delivered body with what its envelope says.
type Message struct {
	// Header holds CloudEvents binary headers and x-goog-pubsub-*; may be nil.
	Header http.Header
	Body   []byte
	// Commands is true only on the /commands path: a command counts only there.
	Commands bool
}

// Result is what one entry of a message comes to: exactly one of Cause and
// Ignored is set.
type Result struct {
	Cause   *Cause
	Ignored Reason
	// Why says in words, on one line, why the entry is ignored. Text from
	// outside is quoted and cut in it.
	Why string
	// Seen is what is known of the entry, ignored or not. Only a Cause's names
	// may be used to build a request; of an ignored entry they are for telling.
	Seen Cause
}

// Parse reads one message. It never panics and never fails: what cannot be
// read is a Result with Ignored == Unreadable. A delivered message normally
// holds one entry; arrays and batches give one Result an element, at most
// 1000.
//
// Nearly all entries of an organisation are of other services. Such a one is
// left at its service's name: what stands behind it is neither checked nor told
// in Seen. Read, for people, reads every entry to its end.
func Parse(m Message, self Self) []Result {
	p := parser{self: self, commands: m.Commands, hurry: true}
	p.eventID = firstOf(m.Header.Get("Ce-Id"), m.Header.Get("X-Goog-Pubsub-Message-Id"))
	p.publishTime, _ = parseTime(m.Header.Get("X-Goog-Pubsub-Publish-Time"))
	if strings.HasPrefix(m.Header.Get("Ce-Type"), reportType) {
		p.ignore(OwnReport, "a report that we published")
	} else {
		p.body(m.Body)
	}
	if len(p.results) == 0 {
		p.ignore(NotALogEntry, "an empty list")
	}
	return p.results
}

// parser collects the results of one message.
type parser struct {
	self     Self
	commands bool
	eventID  string
	// publishTime is when Pub/Sub took the message, zero where nobody says.
	publishTime time.Time
	level       int // envelopes opened so far
	// hurry: an entry of a service that is not ours is left where that is seen.
	hurry   bool
	results []Result
}

func (p *parser) add(r Result) {
	r.Seen.EventID = clean(p.eventID, maxIdentifier)
	if r.Cause != nil {
		r.Cause.EventID = r.Seen.EventID
	}
	p.results = append(p.results, r)
}

func (p *parser) ignore(reason Reason, format string, args ...any) {
	p.add(Result{Ignored: reason, Why: fmt.Sprintf(format, args...)})
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
