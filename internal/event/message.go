package event

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/safetext"
)

// The bounds of one message. A larger one is refused at once.
const (
	// MaxBody is the largest body, and the largest entry of a file, in bytes.
	// Pub/Sub's own limit is 10 MB (pubsub/quotas). The same bound applies after
	// decompression.
	MaxBody = 10 << 20
	// maxDepth is the deepest nesting of JSON.
	maxDepth = 200

	// maxEntries is how many entries of one message are read. As many audit log entries are
	// larger than a body may be.
	maxEntries   = 20_000
	maxEnvelopes = 5 // inside each other
)

// reportType begins the type of every event that we publish.
const reportType = "dev.iapguard.report.v1."

// Message is one delivered body with its headers.
type Message struct {
	// Header holds CloudEvents binary headers and x-goog-pubsub-*; may be nil.
	Header http.Header
	Body   []byte
	// Commands is true on the /commands path. A command counts only there.
	Commands bool
}

// Result is what one entry of a message leads to. Exactly one of Cause and Ignored
// is set.
type Result struct {
	Cause   *Cause
	Ignored Reason
	// Why explains on one line why the entry is ignored. Text from outside is
	// quoted and cut.
	Why string
	// Seen is what is known of the entry, ignored or not. Only the names of a Cause
	// may become part of a request; those of an ignored entry are for showing.
	Seen Cause
}

// Parse reads one message. It never panics and never fails: a message that it
// cannot read gives a Result with Ignored == Unreadable. A delivered message
// normally holds one entry; arrays and batches give a Result for each element, at
// most 20,000.
//
// Parse leaves an entry of another service at the name of the service. It neither
// checks the rest nor shows it in Seen. Read, for people, reads every entry to its
// end.
func Parse(m Message, self Self) []Result {
	p := parser{self: self, commands: m.Commands, skipForeign: true}
	p.eventID = firstOf(m.Header.Get("Ce-Id"), m.Header.Get("X-Goog-Pubsub-Message-Id"))
	p.publishTime, _ = parseTime(m.Header.Get("X-Goog-Pubsub-Publish-Time"))
	if strings.HasPrefix(m.Header.Get("Ce-Type"), reportType) {
		p.ignore(ownReport, "a report that we published")
	} else {
		p.body(m.Body)
	}
	if len(p.results) == 0 {
		p.ignore(notALogEntry, "an empty list")
	}
	return p.results
}

// parser collects the results of one message.
type parser struct {
	self     Self
	commands bool
	eventID  string
	// publishTime is when Pub/Sub received the message, zero if unknown.
	publishTime time.Time
	level       int // envelopes opened so far
	// skipForeign leaves an entry of another service at the name of the service.
	skipForeign bool
	results     []Result
}

func (p *parser) add(r Result) {
	r.Seen.EventID = safetext.Escape(p.eventID, maxIdentifier)
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
