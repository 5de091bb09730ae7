package simulation

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/iapguard/iapguard/function"
)

var (
	results = flag.Bool("results", false, "play the year of the whole organization, and write RESULTS.md and its plot")
	seed    = flag.Uint64("seed", 1, "of the random numbers")
)

// TestResults plays the year in each way, and writes test/simulation/RESULTS.md and a plot. It
// asserts nothing about them.
func TestResults(t *testing.T) {
	if !*results {
		t.Skip("no results without -results")
	}
	began := time.Now()
	p, o := theProduct(t), newOrganization(stated(), *seed)
	years := tables(t, p, o, []way{hourly, tenth, alone, refused, raised, usual})
	t.Logf("%d ways after %v", len(years), time.Since(began).Round(time.Second))
	draw(t, "exposure.svg", years)
	var text bytes.Buffer
	fmt.Fprintf(&text, "# A simulated year\n\nPlayed by\n\n"+
		"    go test ./test/simulation -run Results -results -v -timeout 30m\n\n"+
		"with the seed %d, by iapguard %s and %s on %s.\n", *seed, function.Version, runtime.Version(), machine())
	text.WriteString(intro)
	fmt.Fprintf(&text, "## The year\n\n%.0f services in %d projects, %d deploys, %d outages, %d applies that open a "+
		"whole project.\n\n", o.world.of("services"), o.projects(), years[0].deploys, len(o.outages), int(o.world.of("waves")))
	text.Write(document(t, years))
	text.WriteString("\n![Share of the openings that last longer](exposure.svg)\n\n")
	text.WriteString(reading)
	text.Write(figuresTable())
	text.Write(sensitivity(t, p))
	fmt.Fprintf(&text, "\nPlayed on %s in %v.\n", began.UTC().Format(time.DateOnly), time.Since(began).Round(time.Second))
	if err := os.WriteFile("RESULTS.md", text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func tables(t *testing.T, p *product, o *organization, ways []way) (years []played) {
	t.Helper()
	for _, v := range ways {
		began := time.Now()
		years = append(years, play(t, p, o, v))
		t.Logf("%s: %v, %+v", v.name, time.Since(began).Round(time.Millisecond), years[len(years)-1].round)
	}
	return years
}

// document has the tables of the years.
func document(t *testing.T, years []played) []byte {
	t.Helper()
	var text bytes.Buffer
	row := func(cells ...string) { fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | ")) }
	row("way", "open as configured: p50", "p95", "p99", "most", "strangers get in: p50", "p95", "p99")
	row(slices.Repeat([]string{"---"}, 8)...)
	for _, y := range years {
		a := y.alone
		row(append([]string{y.way.name}, append(three(a.configured, 0, 1), three(a.felt, len(a.configured))...)...)...)
	}
	text.WriteString("\nMinutes, of the services that one deploy opened.\n\n")
	row("way", "services of an apply that opens a whole project, open: p50", "p95", "p99",
		"nobody who is entitled gets in: p50", "p95", "p99", "of the openings, still open")
	row(slices.Repeat([]string{"---"}, 8)...)
	for _, y := range years {
		cells := append([]string{y.way.name}, three(y.many.configured, 0)...)
		row(append(append(cells, three(y.locked, 0)...), fmt.Sprintf("%d of %d", y.stillOpen, y.opened))...)
	}
	text.WriteString("\nMinutes. Doors are shut to everybody where a deploy took away the grant of IAP's agent.\n\n")
	row("way", "a round takes", "reaches", "attempts at a look that the quota refuses meanwhile", "refused in all",
		"given up", "calls, millions", "US dollars")
	row(slices.Repeat([]string{"---"}, 8)...)
	for _, y := range years {
		takes, reaches := "no rounds", ""
		if y.round.each > 0 {
			takes = fmt.Sprintf("%.1f of %.0f minutes", y.round.takes/60, y.round.each/60)
			reaches = fmt.Sprintf("%.0f %%", 100*y.round.reached)
		}
		row(y.way.name, takes, reaches, fmt.Sprintf("%.0f %%", 100*y.round.refused), fmt.Sprint(y.refusals),
			fmt.Sprint(y.givenUp), fmt.Sprintf("%.0f", y.calls/1e6), fmt.Sprintf("%.0f", y.dollars))
	}
	text.WriteString("\nCalls and money are those of the year.\n")
	return text.Bytes()
}

// three are three quantiles of minutes, and further ones.
func three(sorted []float64, floor int, further ...float64) (cells []string) {
	for _, share := range append([]float64{0.5, 0.95, 0.99}, further...) {
		cells = append(cells, minutes(quantile(sorted, floor, share)))
	}
	return cells
}

func minutes(value float64) string {
	if value >= 100 {
		return fmt.Sprintf("%.0f", value)
	}
	return fmt.Sprintf("%.2f", value)
}

// figuresTable says what the model rests on.
func figuresTable() []byte {
	var text bytes.Buffer
	text.WriteString("## What it rests on\n\n| figure | value | | source | how to check it |\n|---|---|---|---|---|\n")
	for _, each := range figures {
		source := each.kind
		if each.source != "" {
			source += ": " + each.source
		}
		fmt.Fprintf(&text, "| %s | %v | %s | %s | %s |\n", each.name, each.value, each.unit, source, each.check)
	}
	text.WriteString("\n")
	return text.Bytes()
}

// sensitivity plays a smaller organization with each assumed figure halved and doubled.
func sensitivity(t *testing.T, p *product) []byte {
	t.Helper()
	const services = 10_000
	base := stated().with("services", services)
	var text bytes.Buffer
	fmt.Fprintf(&text, "## What if an assumption is wrong\n\nAn organization of %d services, with each assumed figure "+
		"halved and doubled: minutes open as configured by iapguard's defaults where no quota refuses a read (p50, p95, p99), of "+
		"these with strangers inside (p99), open by a poller every 10 minutes (p50, p95, p99), and US dollars a year of "+
		"iapguard's.\n\n"+
		"| figure | halved | doubled |\n|---|---|---|\n", services)
	cell := func(w world) string {
		o := newOrganization(w, *seed)
		ours, theirs := play(t, p, o, usual), play(t, p, o, tenth)
		return fmt.Sprintf("%s; %s; %s; $%.0f", strings.Join(three(ours.alone.configured, 0), ", "),
			minutes(quantile(ours.alone.felt, len(ours.alone.configured), 0.99)),
			strings.Join(three(theirs.alone.configured, 0), ", "), ours.dollars)
	}
	fmt.Fprintf(&text, "| as it stands | %s | |\n", cell(base))
	for _, name := range figuresOf(assumed) {
		value := base.of(name)
		fmt.Fprintf(&text, "| %s | %s | %s |\n", name, cell(base.with(name, value/2)), cell(base.with(name, value*2)))
	}
	return text.Bytes()
}

// draw draws which share of the openings lasts longer than so many minutes.
func draw(t *testing.T, path string, years []played) {
	t.Helper()
	p := plot.New()
	p.Title.Text = "Doors that one deploy opened, as configured"
	p.X.Label.Text, p.Y.Label.Text = "minutes", "share that is open for longer"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0.1, 1000, 0, 1.6 // the legend is above
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: 0.5, Label: "0.5"}, {Value: 1, Label: "1"}}
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for i, y := range years {
		var points plotter.XYs
		sorted := y.alone.configured
		for at := 0.1; at <= 1000; at *= 1.05 {
			shorter, _ := slices.BinarySearch(sorted, at)
			points = append(points, plotter.XY{X: at, Y: 1 - float64(shorter)/float64(len(sorted))})
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			t.Fatal(err)
		}
		line.Color, line.Dashes, line.Width = plotutil.Color(i), plotutil.Dashes(i), vg.Points(1.5)
		p.Add(line)
		p.Legend.Add(y.way.name, line)
	}
	if err := p.Save(18*vg.Centimeter, 11*vg.Centimeter, path); err != nil {
		t.Fatal(err)
	}
}

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

const intro = `
It is a model of discrete events: deploys, messages, looks, writes, and changes that come into force, in their
order. What the product decides is not modelled: its code is asked (decide.Decide, door.Of, the limit on what is
guarded again), with the policy's defaults and what deploy/ ships. The rest is assumed where no figure is
published: see *What it rests on*.

A poller reads each service once in a period, as an audit does, and closes at once what it sees. It waits for no
deploy to end, so it breaks the tools that iapguard waits for, and reports nothing. *Events alone* is iapguard
without its sweep.

`

const reading = `*Open as configured* runs from the deploy to our write. *Strangers get in* runs from when the deploy is
in force to when the write is: a policy takes minutes for both, and what was closed before it was in force, nobody
met. Such openings count as zero.

The model leaves out what no automation closes (obstacles, holds, exemptions), contests, several instances that
count each for itself what they guard again, and how Pub/Sub slows down pushes that are refused. Where a quota
refuses reads, sweeps wait for it, and a share of all attempts is refused meanwhile.

`
