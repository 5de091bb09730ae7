package bench

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/plotter"

	"github.com/iapguard/iapguard/function"
	"github.com/iapguard/iapguard/internal/report"
)

var (
	results = flag.Bool("results", false, "measure everything, and write RESULTS.md and its plots")
	part    = flag.String("part", "",
		"measure one part alone, and write nothing: recipe, events, audits, processor, caps or program")
)

// result is a line of the table.
type result struct {
	what, reach, got string
	reached          bool
	why              string // where it is not reached
}

// TestResults measures each row, and writes test/bench/RESULTS.md and two plots:
//
//	go test ./test/bench -run Results -results -v -timeout 20m
//
// It asserts no times. A row that is not reached says why.
func TestResults(t *testing.T) {
	if !*results {
		t.Skip("no results without -results")
	}
	began := time.Now()
	var rows []result
	for _, each := range []struct {
		name    string
		measure func(*testing.T) []result
	}{
		{"recipe", recipeRows}, {"events", eventRows}, {"audits", auditRows}, {"processor", processorRows},
		{"caps", capsRows}, {"program", programRows},
	} {
		if cmp.Or(*part, each.name) != each.name {
			continue
		}
		at := time.Now()
		found := each.measure(t)
		rows = append(rows, found...)
		t.Logf("%s: %v", each.name, time.Since(at).Round(time.Second))
		for _, one := range found {
			t.Logf("%+v", one)
		}
	}
	if *part != "" {
		return
	}
	if err := os.WriteFile("RESULTS.md", document(rows, began), 0o644); err != nil {
		t.Fatal(err)
	}
}

func recipeRows(t *testing.T) []result {
	const what = "protect one, whole process, against gcloud's whole recipe, calls of "
	if _, err := exec.LookPath("gcloud"); err != nil {
		return []result{{what: what + "0 and 30 ms", reach: "100×; 25×", got: "not measured",
			why: "gcloud is not installed here"}}
	}
	const rounds = 3
	fast, slow := protectOne(t, 0, rounds), protectOne(t, 30*time.Millisecond, rounds)
	shown := func(m byHand, times figure) string {
		return fmt.Sprintf("%s: %s and %s ms; in time of a processor %s", times.in("×"), m.whole.in(""), m.ours.in(""),
			m.wholeCPU.over(m.oursCPU).in("×"))
	}
	whole, wholeSlow, three := fast.whole.over(fast.ours), slow.whole.over(slow.ours), fast.three.over(fast.ours)
	const most = "our time is the start of the program, and some ninety calls that the local cloud answers on the " +
		"same two cores"
	return []result{
		{what + "0 ms", "100×", shown(fast, whole), whole.median() >= 100, most},
		{what + "30 ms", "25×", shown(slow, wholeSlow), wholeSlow.median() >= 25,
			"most of our time is round trips in a row, as in the rows below, and two operations; nine in a row would take " +
				"270 ms, too"},
		{"against its three commands alone, 0 ms", "60×", three.in("×"), three.median() >= 60,
			"as above; three commands do not say who gets in, and close nothing"},
	}
}

// wanted is what an event has to reach, and why it does not.
type wanted struct {
	depth, calls int
	why          string
}

// ofNow is why a look asks for everything.
const ofNow = "a look asks the owning API for each fact, side by side: what it says is of now, and no index " +
	"hides a door that was made meanwhile"

func eventRows(t *testing.T) (rows []result) {
	reach := map[string]wanted{
		"the first, which protects": {9, 0, "the look, writes that need each other's effect with their operations, and the " +
			"look that verifies stand one after the other"},
		"of the service, protected": {1, 5, ofNow},
		"of its forwarding rule":    {3, 21, ofNow},
		"of its backend service":    {3, 21, "the event names a resource, which leads to the service step by step; " + ofNow},
		"of its URL map":            {3, 21, "the event names a resource, which leads to the service step by step; " + ofNow},
		"of the service, to a new instance": {3, 12, "a new instance does not know what the last look asked; " +
			ofNow},
	}
	for _, each := range callsOfEvents(t) {
		want := reach[each.what]
		text := fmt.Sprintf("%d in a row", want.depth)
		if want.calls > 0 {
			text += fmt.Sprintf(", %d calls", want.calls)
		}
		got := fmt.Sprintf("%d in a row (floor %d), %d calls; of the memory %d in a row, %d calls; %d reports",
			len(each.chain), each.floor, each.google, len(each.memoryChain), each.memory, each.reports)
		reached := len(each.chain) <= want.depth && (want.calls == 0 || each.google <= want.calls)
		rows = append(rows, result{"event " + each.what, text, got, reached, want.why})
	}
	google, memory, most := deployCalls(t)
	return append(rows, result{"one deploy with its load balancer, nothing waits", "40 calls",
		fmt.Sprintf("%d calls, of the memory %d", google, memory), google <= 40,
		"an event that came after a look began leads to another one, which asks for everything: " + most})
}

func auditRows(t *testing.T) []result {
	const long, thousand = 10_000, 1000
	found := audits(t, audit{services: 10, projects: 1}, audit{services: 50, projects: 1},
		audit{services: 200, projects: 1}, audit{services: thousand, projects: 1}, audit{services: thousand, projects: 1},
		audit{services: thousand, projects: 1}, audit{services: thousand, projects: 1, indexed: true},
		audit{services: long, projects: 200})
	var calls, took plotter.XYs
	var seconds, peak, each figure
	for _, one := range found[:len(found)-2] {
		x := float64(one.services)
		calls = append(calls, plotter.XY{X: x, Y: one.calls * x})
		took = append(took, plotter.XY{X: x, Y: one.seconds})
		if one.services == thousand {
			seconds.add(one.seconds)
			peak.add(one.peak)
			each.add(one.calls)
		}
	}
	draw(t, "calls.svg", "Calls of an audit of one project", "calls", calls)
	draw(t, "seconds.svg", "Seconds of an audit of one project, 30 ms a call", "seconds", took)
	indexed, all := found[len(found)-2], found[len(found)-1]
	return []result{
		{"audit, calls for each service, where bulk reading is not allowed", "4",
			fmt.Sprintf("%s in a project of 1,000, %.2f in 200 projects", each.in(""), all.calls),
			each.median() <= 4 && all.calls <= 4,
			"four of each service, for IAM and IAP have no bulk read (who may invoke it, who passes IAP at the backend " +
				"service and at the service, settings), and some of each project"},
		{"audit, calls for each service, by Cloud Asset Inventory, with IAP settings", "2.1",
			fmt.Sprintf("%.2f in a project of 1,000, %.1f s", indexed.calls, indexed.seconds), indexed.calls <= 2.1,
			"IAP's settings of the backend service, and IAP's policy of the service, where nobody set one"},
		{"project of 1,000 services with load balancers, audit at 30 ms", "15 s, 100 MiB",
			seconds.in(" s") + ", " + peak.in(" MiB"), seconds.median() <= 15 && peak.median() < 100,
			"the calls share two cores with the local cloud that answers them"},
		{"organisation of 10,000 services in 200 projects, audit at 30 ms", "60 s, 150 MiB, the first within 3 s",
			fmt.Sprintf("%.1f s, %.0f MiB, the first after %.1f s (one run)", all.seconds, all.peak, all.first),
			all.seconds <= 60 && all.peak < 150 && all.first <= 3,
			fmt.Sprintf("%.0f calls, which the local cloud answers on the same two cores", all.calls*long)},
	}
}

// spent are the functions by which a profile is summed up: what they and all that they call take.
var spent = []string{"encoding/json.Unmarshal", "loadbalancer.(*Client).Inventory", "loadbalancer.readRouting",
	"loadbalancer.parseLink", "logging.(*Client).readVisitors", "runtime.gcBgMarkWorker", "runtime.mallocgc",
	"net/http.(*persistConn).readLoop", "net/http.(*Transport).RoundTrip", "reconcile.(*run).publish"}

func processorRows(t *testing.T) []result {
	m := looks(t, 1, 200, 2000)
	var alone, together []string
	for i, n := range m.services {
		alone = append(alone, fmt.Sprintf("%d: %s", n, m.alone[i].in(" ms")))
		together = append(together, fmt.Sprintf("%d: %s", n, m.together[i].in(" ms")))
	}
	last := len(m.services) - 1
	growth := m.alone[last].median() / m.alone[0].median()
	shared := m.together[last].median() / m.together[0].median()
	none, many, profile := protections(t, 3, 10_000)
	const of = "time of a processor of a look in a project of 1, 200, 2,000 services, "
	return []result{
		{of + "one at a time", "flat within 2×", strings.Join(alone, "; ") + fmt.Sprintf("; %.1f×", growth), growth <= 2,
			"a look reads the lists of load balancers of its project from their beginning, and decodes them: " +
				shares(m.profile, spent...)},
		{of + "twenty at once", "flat within 2×", strings.Join(together, "; ") + fmt.Sprintf("; %.1f×", shared), shared <= 2,
			"looks that begin at the same time share lists; some come while lists are read, and wait for the next ones"},
		{fmt.Sprintf("sweep of a project of %d services, calls for each", sweptOf), "4",
			m.sweptCalls.in("") + "; in time of a processor " + m.swept.in(" ms"), m.sweptCalls.median() <= 4,
			"four of each service that have no bulk read, as in an audit; and each service itself, which a list might show " +
				"as it was a minute ago"},
		{"time of a processor of a protection, none and 10,000 log entries about the service", "flat",
			fmt.Sprintf("%s and %s; %.1f×", none.in(" ms"), many.in(" ms"), many.median()/none.median()),
			many.median() <= 1.5*none.median(), "three pages of 500 entries are read at most: " + shares(profile, spent...)},
	}
}

func capsRows(t *testing.T) []result {
	var rows []result
	for _, one := range lookAtCaps(t, capsOf(1)) {
		rows = append(rows, result{fmt.Sprintf("a look at Google's documented caps, with 50 backend services: %s", one.outcome),
			"60 calls, 256 MiB, 30 s, a report of 256 KiB",
			fmt.Sprintf("%d calls, %d MiB, %.1f s, %d KiB (one run)", one.calls, one.memory, one.took.Seconds(), one.reported>>10),
			one.calls <= 60 && one.memory <= 256 && one.took <= 30*time.Second && one.reported <= report.MaxSize,
			"each backend service that leads to the service takes three calls of a look: itself, who passes IAP there, and its " +
				"settings; a protection looks several times"})
	}
	return rows
}

func programRows(t *testing.T) []result {
	program := compiled(t, "./function/cmd/iapguard", false)
	ours, clients, slowest := starts(t, program, 20)
	times := ours.over(clients)
	size, parts := sizeOf(t, program)
	var made []string
	for _, one := range parts {
		if one.size >= mib/2 {
			made = append(made, fmt.Sprintf("%s %.1f", one.name, float64(one.size)/mib))
		}
	}
	return []result{
		{"cold start, exec to the first answered event, against the same clients", "1.3×",
			fmt.Sprintf("%s; %s and %s", times.in("×"), ours.in(" ms"), clients.in(" ms")), times.median() <= 1.3,
			"packages initialise for " + slowest},
		{"the image's binary", "35 MiB, or what each MiB is", fmt.Sprintf("%.1f MiB", float64(size)/mib), size <= 35*mib,
			"in MiB: " + strings.Join(made, ", ") + "; json-iterator, which the CloudEvents SDK reads JSON with, has values " +
				"that call methods by name, as text/template does, so the linker keeps every exported method of Google's clients"},
	}
}

// document is RESULTS.md.
func document(rows []result, began time.Time) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# Results\n\nMeasured by\n\n    go test ./test/bench -run Results -results -v -timeout 20m\n\n"+
		"on %s, on %s, with iapguard %s and %s, in %v. The median is shown, and between brackets the least and the "+
		"greatest of what was measured several times. What is compared is measured in turn. The local cloud and the "+
		"tests ran on the same cores, and whatever else did: %s.\n\n| what | to reach | measured | reached | why not |\n|---|---|---|---|---|\n",
		began.UTC().Format(time.DateOnly), machine(), function.Version, runtime.Version(),
		time.Since(began).Round(time.Second), load())
	for _, one := range rows {
		yes, why := "yes", ""
		if !one.reached {
			yes, why = "no", one.why
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", one.what, one.reach, one.got, yes, why)
	}
	text.WriteString("\n![Calls of an audit over services](calls.svg)\n![Seconds of an audit over services](seconds.svg)\n")
	return text.Bytes()
}

// load is how much else the machine does. One process for each core is a load of its number of cores.
func load() string {
	text, err := os.ReadFile(filepath.Join("/proc", "loadavg"))
	field := strings.Fields(string(text))
	if err != nil || len(field) < 3 {
		return "the load is not known"
	}
	return fmt.Sprintf("the load was %s at the end, and %s in the 15 minutes before", field[0], field[2])
}

// machine is what the figures were measured on.
func machine() string {
	name := runtime.GOARCH
	if text, err := os.ReadFile(filepath.Join("/proc", "cpuinfo")); err == nil {
		if _, after, found := strings.Cut(string(text), "model name"); found {
			line, _, _ := strings.Cut(after, "\n")
			name = strings.TrimSpace(strings.TrimLeft(line, "\t :"))
		}
	}
	return fmt.Sprintf("%d cores of %s", runtime.NumCPU(), name)
}
