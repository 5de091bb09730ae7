// Package discovery holds the calls of a local cloud against Google's discovery
// documents: what is answered must fit the message that the method answers,
// errors must have the shape of Google's, and what Google refuses by type must
// not have been accepted.
//
// It is for tests. A Check is given to a server through its options; Judge
// makes one that fails a test.
package discovery

import (
	"fmt"
	"hash/maphash"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// Check counts calls and keeps what is wrong with them. It is safe for
// concurrent use.
type Check struct {
	mu         sync.Mutex
	calls      int
	violations map[string]*Violation
}

// Violation is one way in which calls differ from Google's documents.
type Violation struct {
	// Method is the method's id, and Text what is wrong, with the path of the
	// field. List indices and map keys stand as [] in it.
	Method string `json:"method"`
	Text   string `json:"text"`
	// Example is the first call that shows it: request and answer.
	Example string `json:"example"`
	// Calls is how many calls show it.
	Calls int `json:"calls"`
}

// Result is what a Check has found.
type Result struct {
	Calls      int         `json:"calls"`
	Violations []Violation `json:"violations"`
}

// Result returns what was found so far, the violations in the order of their methods.
func (c *Check) Result() Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	result := Result{Calls: c.calls, Violations: []Violation{}}
	for _, key := range slices.Sorted(maps.Keys(c.violations)) {
		result.Violations = append(result.Violations, *c.violations[key])
	}
	return result
}

// Observe judges one call. It is an apiserver.Options.Observe.
func (c *Check) Observe(x apiserver.Exchange) {
	found := judged.judge(x)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	for _, text := range found {
		text = index.ReplaceAllString(text, "[]")
		id := "no route"
		if x.Route != nil {
			id = x.Route.ID
		}
		key := id + " " + text
		if c.violations[key] == nil {
			if c.violations == nil {
				c.violations = map[string]*Violation{}
			}
			c.violations[key] = &Violation{Method: id, Text: text, Example: fmt.Sprintf("%s %s %.1000s\n%d %.2000s",
				x.Request.Method, x.Request.URL, x.Body, x.Status, x.Answer)}
		}
		c.violations[key].Calls++
	}
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// Test is what Judge needs of a testing.TB.
type Test interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Logf(format string, args ...any)
}

// Judge returns a Check whose violations fail the test when it ends.
func Judge(t Test) *Check {
	c := &Check{}
	t.Cleanup(func() {
		t.Helper()
		c.Result().Report(t)
	})
	return c
}

// Report fails a test with each violation and logs how many calls were checked.
func (r Result) Report(t Test) {
	t.Helper()
	for _, v := range r.Violations {
		t.Errorf("discovery: %s: %s (%d calls), such as\n%s", v.Method, v.Text, v.Calls, v.Example)
	}
	t.Logf("discovery: %d calls checked, %d violations", r.Calls, len(r.Violations))
}

// right remembers the calls that nothing is wrong with: most reads are repeated, and
// answered as before, and to judge an answer takes longer than to give it.
type right struct {
	seed  maphash.Seed
	calls sync.Map // the hash of a call → true
}

// judged is shared by all tests of a process: what is right depends on the call alone.
var judged = right{seed: maphash.MakeSeed()}

// judge lists what is wrong with a call.
func (r *right) judge(x apiserver.Exchange) []string {
	key := r.hash(x)
	if _, ok := r.calls.Load(key); ok {
		return nil
	}
	found := judge(x)
	if len(found) == 0 {
		r.calls.Store(key, true)
	}
	return found
}

// hash is of all that judge reads.
func (r *right) hash(x apiserver.Exchange) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	if x.Route != nil {
		maphash.WriteComparable(&h, [3]string{x.Route.API, x.Route.ID, x.Route.Path})
	}
	maphash.WriteComparable(&h, [2]string{x.Request.Method, x.Request.URL.String()})
	maphash.WriteComparable(&h, [2]int{x.Status, len(x.Body)})
	h.Write(x.Body)
	h.Write(x.Answer)
	return h.Sum64()
}
