package matrix

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/iapguard/iapguard/internal/playground"
)

// What one instance may use. Its memory is what it is deployed with; a deployed instance has
// a thousand descriptors, and one that rests needs few goroutines.
const (
	mostMemory      = 512 << 20
	mostDescriptors = 250
	mostGoroutines  = 200
)

// soakSize is how long a soak lasts, and of how many services.
func soakSize() (services int, lasts, calm time.Duration) {
	if *full {
		// The oracle knocks at every door for each report: more services keep it busy for minutes.
		return 6, 150 * time.Second, time.Minute
	}
	return 4, 3 * time.Second, time.Second
}

// everyFault is of how many calls one fails.
const everyFault = 25

// faults are the ways in which a call fails now and then. The last one takes effect.
var faults = []func(*call){
	outages[0].do,
	func(c *call) {
		c.answer, c.status = errorOf(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "quota exceeded"),
			status.Error(codes.ResourceExhausted, "quota exceeded")
	},
	func(c *call) { c.drop() },
	func(c *call) { c.send(); c.drop() },
}

func TestSoak(t *testing.T) {
	t.Parallel()
	if !asked("soak") {
		t.Skip("skipped: -cell matches no other")
	}
	total := newSummary(t, "soak")
	taken(t)
	services, lasts, calm := soakSize()
	s := race{services: services}.scenario()
	s.environ = []string{"IAPGUARD_WORK_TOPIC=" + playground.WorkTopic}
	w := open(t, s)
	used := w.soak(lasts, calm)
	total.count("events", w.found.event)
	total.count("faults", int(used.faults))
	total.count("MiB of memory at most", used.memory>>20)
	total.count("descriptors at most", used.descriptors)
	total.count("goroutines at rest", used.goroutines)
	total.add(t, w, true)
}

// use is what instances used at most, and at rest.
type use struct {
	memory, descriptors, goroutines int
	faults                          int64
}

// soak lets events come while calls fail and instances are killed, and after that for a
// while without kills. Everything is guarded in the end, and every event was answered.
func (w *world) soak(lasts, calm time.Duration) (used use) {
	w.t.Helper()
	var failed atomic.Int64
	w.hook(func(c *call) {
		if rand.IntN(everyFault) == 0 {
			failed.Add(1)
			faults[rand.IntN(len(faults))](c)
		}
	})
	w.start()
	w.scenario.event(w)
	var done sync.WaitGroup
	stop := make(chan struct{})
	done.Go(func() { w.touches(stop) })
	killing, next := time.Now().Add(lasts), time.Now().Add(killsAfter())
	for end := killing.Add(calm); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		used.take(w.current.Load())
		if now := time.Now(); now.After(next) && now.Before(killing) {
			w.kill()
			w.start()
			next = time.Now().Add(killsAfter())
		}
	}
	close(stop)
	done.Wait()
	w.hook(nil)
	w.settle()
	// What a fault ended with a report, a sweep takes up.
	w.Publish(playground.CommandsTopic, `{"command":"sweep","target":"projects/`+playground.Project+`"}`)
	w.settle()
	w.strangersStayOut()
	for _, one := range w.scenario.estate.Services {
		w.labelled("projects/" + playground.Project + "/locations/" + one.Region + "/services/" + one.Name)
	}
	w.again()
	w.answered()
	w.prober.end()
	used.take(w.current.Load())
	used.faults, used.goroutines = failed.Load(), w.goroutines()
	for what, over := range map[string]bool{"memory": used.memory > mostMemory,
		"descriptors": used.descriptors > mostDescriptors, "goroutines": used.goroutines > mostGoroutines} {
		if over {
			w.complain("an instance uses too much %s: %+v", what, used)
		}
	}
	return used
}

// killsAfter is how long an instance lives, about a second.
func killsAfter() time.Duration { return 500*time.Millisecond + rand.N(time.Second) }

// touches changes a label of one service after the other, which the sink says.
func (w *world) touches(stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
		one := w.scenario.estate.Services[i%len(w.scenario.estate.Services)]
		name := "projects/" + playground.Project + "/locations/" + one.Region + "/services/" + one.Name
		w.person(name, 0, 1)
		w.eventOf(name)
	}
}

// labelled counts the label that somebody set, and whether it is still there.
func (w *world) labelled(service string) {
	w.t.Helper()
	labels := fmt.Sprint(w.CallAs(w.Owner(), http.MethodGet, "/v2/"+service, nil)["labels"])
	if strings.Contains(labels, "person-0-0:kept") {
		w.found.kept++
		return
	}
	w.found.lost++
	w.complain("a foreign change of %s is lost: its labels are %s", service, labels)
}

// take notes what an instance uses now. One that has just gone uses nothing.
func (u *use) take(i *instance) {
	folder := filepath.Join("/proc", strconv.Itoa(i.process.Pid))
	if open, err := os.ReadDir(filepath.Join(folder, "fd")); err == nil {
		u.descriptors = max(u.descriptors, len(open))
	}
	text, err := os.ReadFile(filepath.Join(folder, "statm"))
	if err != nil {
		return
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err == nil {
		u.memory = max(u.memory, resident*os.Getpagesize())
	}
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[`)

// goroutines ends the instance with a dump of its goroutines, and counts them.
func (w *world) goroutines() int {
	w.t.Helper()
	i := w.current.Load()
	before := len(w.log.String())
	if err := i.process.Signal(syscall.SIGQUIT); err != nil {
		w.complain("sending SIGQUIT: %v", err)
	}
	<-i.ended
	dump := w.log.String()[before:]
	count := len(goroutine.FindAllString(dump, -1))
	if count < 3 || !strings.Contains(dump, "SIGQUIT") {
		w.complain("the dump of goroutines cannot be read: %.500s", dump)
	}
	return count
}
