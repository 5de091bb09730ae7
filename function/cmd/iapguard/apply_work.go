package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/caller"
	"github.com/iapguard/iapguard/internal/plan"
	"github.com/iapguard/iapguard/internal/report"
)

// work carries plans out, and shows what it does.
type work struct {
	*applying
	session *session
	records *recorder
	jobs    []*job
	others  writes
	results screen // where a person reads what is done
	all     sums

	mu       sync.Mutex
	current  *job   // whose steps are taken now
	headed   *job   // whose name stands above the last line
	underway string // the step that is under way
}

// stepGrace is how long a step that is under way may take after the first Ctrl-C. Google's
// operations end sooner; the second Ctrl-C ends at once.
const stepGrace = time.Hour

func newWork(a *applying, session *session, records *recorder, jobs []*job) *work {
	w := &work{applying: a, session: session, records: records, jobs: jobs, results: newScreen(a.out),
		others: writes{map[string]string{}, map[string]bool{}}}
	if a.format == "json" {
		w.results = newScreen(a.stderr)
	}
	session.engine.Tracer, session.engine.StepGrace = w, stepGrace
	return w
}

// show shows the plans. As JSON, standard output is for what came of them.
func (w *work) show(found planned, asks bool) error {
	if w.format == "text" || asks {
		w.results.print(planLines(found.reports)...)
	}
	found.note(w.stderr)
	return failureOf(w.out)
}

// unwritten says in one line each why services are not written to, and reports whether
// that is a failure.
func (w *work) unwritten(ctx context.Context, plans []report.Report) (failed bool) {
	var quiet []report.Report
	for _, r := range plans {
		if r.WouldAct {
			continue
		}
		quiet = append(quiet, r)
		failed = failed || appliedStatus(r) != exitDone
		if err := w.records.Publish(ctx, r); err != nil && w.records.lost() == nil {
			newScreen(w.stderr).print(errorLines(err)...)
			failed = true
		}
		w.end(r)
	}
	for _, each := range groupsOf(quiet) {
		if appliedStatus(each.reports[0]) == exitDone && len(w.jobs) > 0 {
			continue // it is as asked
		}
		shown := whyLine(each.reports[0], why(each.reports[0]))
		if more := len(each.reports) - 1; more > 0 {
			shown = whyLine(each.reports[0], why(each.generalised()))
			shown.text = strings.Replace(shown.text, ": ", ", and "+counted(more, "service")+" more: ", 1)
		}
		w.results.print(shown)
	}
	return failed
}

// do carries the plans out, one service after the other. Where one has to wait, the others
// go on. It reports whether it was interrupted before the end.
func (w *work) do(ctx context.Context) (interrupted bool) {
	defer atOnce(ctx, w.endedAtOnce)()
	stop := context.AfterFunc(ctx, func() {
		if step := w.stepUnderWay(); step != "" {
			screen := newScreen(w.stderr)
			if terminalBehind(w.stderr) != nil {
				_, _ = io.WriteString(screen, clearLine) // for how long the step is under way stands there
			}
			screen.print(line{text: "iapguard: finishing " + step + "; a second Ctrl-C ends at once"})
		}
	})
	defer stop()
	for {
		next := w.next()
		if next == nil {
			return false
		}
		if next.due.After(time.Now()) && waitUntil(ctx, w.stderr, next.due, w.waitsFor(next)) != nil || ctx.Err() != nil {
			w.printInterrupted()
			return true
		}
		w.run(ctx, next)
	}
}

// next is the job that is due first, nil where all have ended.
func (w *work) next() *job {
	var next *job
	for _, j := range w.jobs {
		if !j.ended && (next == nil || j.due.Before(next.due)) {
			next = j
		}
	}
	return next
}

// waitsFor says what a wait is for, and how many services wait.
func (w *work) waitsFor(next *job) string {
	waiting := 0
	for _, j := range w.jobs {
		if !j.ended {
			waiting++
		}
	}
	if waiting > 1 {
		return fmt.Sprintf("%s (%s)", next.waits, counted(waiting, "service"))
	}
	return next.waits
}

// run runs one job as far as it goes now.
func (w *work) run(ctx context.Context, j *job) {
	w.current = j
	asked := request("apply", j.target, false)
	asked.OverLimit = j.overLimit
	asked.Accept = func(p plan.Plan, done []report.Step) error { return j.accept(p, done, w.others) }
	final, err := w.session.engine.Run(ctx, asked)
	final.Callers = report.CallersOf(caller.WorstOff(j.callers, final.JudgedCallers()))
	w.others.add(final)
	j.begun = len(j.taken) > 0
	switch wait := final.WaitingFor; {
	case ctx.Err() != nil && (err != nil || final.Outcome.Retries()):
		return // it was interrupted
	case err == nil && final.Outcome == report.Deferred && wait != nil && wait.Until != nil:
		j.callers, j.due, j.waits = final.JudgedCallers(), *wait.Until, wait.What
		return
	}
	j.ended, j.final, j.err = true, final, err
	if err != nil {
		if w.records.lost() == nil { // the file's own error comes at the end
			newScreen(w.stderr).print(errorLines(serviceError{j.target, err})...)
		}
		return
	}
	w.end(final)
	if w.format == "text" {
		if len(w.jobs) <= few {
			w.results.print(detailLines(final.Shown(), true)...)
		}
		w.results.print(whyLine(final, j.why()))
	}
}

// end notes how a service ended.
func (w *work) end(r report.Report) {
	w.all.add(r)
	if w.format == "json" {
		_ = json.NewEncoder(w.out).Encode(r) // an error of the write ends the program with exitFailed
	}
}

// failed reports whether a service is not protected.
func (w *work) failed() bool {
	return slices.ContainsFunc(w.jobs, func(j *job) bool { return j.err != nil || appliedStatus(j.final) != exitDone })
}

func (w *work) printSums() {
	if w.format == "text" && len(w.jobs) > 0 && w.all.services() > 1 {
		w.results.print(line{text: w.all.String(), style: bold})
	}
}

// Begin shows a step that the engine takes: see reconcile.Tracer.
func (w *work) Begin(ctx context.Context, part string, attributes ...string) (context.Context, func(error)) {
	if part != "apply" {
		return ctx, func(error) {}
	}
	step := takenStep{op: attributes[1], resource: attributes[3]}
	j, began := w.current, time.Now()
	number := len(j.taken) + 1
	symbol := plan.SymbolOf(plan.Op(step.op))
	lead := fmt.Sprintf("  [%d/%d] %s %-22s ", number, max(number, len(j.reviewed.Steps)), symbol, step.op)
	w.setUnderWay(step.op + " on " + step.resource)
	hide := showElapsed(w.stderr, lead)
	return ctx, func(err error) {
		hide()
		step.took, step.err = time.Since(began), err
		w.setUnderWay("")
		w.mu.Lock()
		defer w.mu.Unlock()
		j.taken = append(j.taken, step)
		if w.headed != j && len(w.jobs) > 1 {
			w.results.print(line{lead: j.target.Name(), style: bold})
		}
		w.headed = j
		shown := line{lead: lead, style: symbolStyles[symbol], text: fmt.Sprintf("%s  (%s)", shortResource(step.resource), tenths(step.took)), hang: 8}
		if err != nil {
			shown.style, shown.text = red, fmt.Sprintf("%s  failed: %v", shown.text, err)
		}
		w.results.print(shown)
	}
}

// shortResource is the end of a resource's name, which the plan has shown in full.
func shortResource(name string) string {
	if _, access, found := strings.Cut(name, "/iap_web/"); found {
		return "iap_web/" + access
	}
	parts := strings.Split(name, "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// tenths is a duration in tenths of a second.
func tenths(d time.Duration) string { return fmt.Sprintf("%.1fs", math.Round(d.Seconds()*10)/10) }

func (w *work) setUnderWay(step string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.underway = step
}

func (w *work) stepUnderWay() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.underway
}

// mostSteps bounds how many steps are listed after an interruption.
const mostSteps = 20

// printInterrupted says what was done, what was not, how to go on, and how to undo it.
func (w *work) printInterrupted() { w.results.print(w.interruptedLines("interrupted: ")...) }

func (w *work) interruptedLines(how string) []line {
	w.mu.Lock()
	defer w.mu.Unlock()
	var done, left []line
	var targets []string
	for _, j := range w.jobs {
		taken, not := j.steps()
		for _, step := range taken {
			done = append(done, shortStep("done", step))
		}
		if j.ended {
			continue
		}
		targets = append(targets, j.target.Name())
		for _, step := range not {
			left = append(left, shortStep("not done", step))
		}
	}
	lines := []line{{lead: how, style: bold,
		text: fmt.Sprintf("%s of %s taken", strconv.Itoa(len(done)), counted(len(done)+len(left), "step"))}}
	lines = append(append(lines, bounded(done)...), bounded(left)...)
	goOn := targets
	if w.scopes != nil && len(targets) > few {
		goOn = w.args
	}
	lines = append(lines, line{lead: "to go on: ", text: applyCommand(firstsOf(goOn, mostSteps), w.typed), whole: true})
	if len(done) == 0 && w.underway == "" {
		return append(lines, line{text: "nothing was written, so nothing is to be undone"})
	}
	return append(lines, w.undoLine())
}

// undoLine says how to undo what was done. Without -o and without the deployment's memory,
// it keeps a report in a file.
func (w *work) undoLine() line {
	flags := []string{"--account", "EMAIL"}
	if at := slices.Index(w.typed, "--endpoint"); at >= 0 {
		flags = append(flags, w.typed[at:at+2]...)
	}
	var what []string
	switch runs := w.records.runs(); {
	case w.records.file != nil:
		what = []string{w.output}
	case w.session.remembers && len(runs) == 1:
		what = runs
	default:
		name, err := w.records.save()
		if err != nil {
			return line{lead: "to undo: ", text: fmt.Sprintf("no report could be kept: %v", err)}
		}
		what = []string{name}
	}
	return line{lead: "to undo: ", whole: true,
		text: shellCommand("undo", what, flags) + "   (EMAIL: the account that this command wrote as)"}
}

// endedAtOnce is what there is to say where the second Ctrl-C ends a step that is under way.
func (w *work) endedAtOnce() {
	step := w.stepUnderWay()
	lines := w.interruptedLines("ended at once: ")
	if step != "" {
		lines = append(lines, line{text: step + " may have taken effect or not"})
	}
	newScreen(w.stderr).print(lines...)
	if w.records.file != nil {
		_ = w.records.file.Close() // the process ends
	}
}

func shortStep(what string, step report.Step) line {
	symbol := plan.SymbolOf(plan.Op(step.Op))
	return line{lead: fmt.Sprintf("  %-9s %s %-22s ", what, symbol, step.Op), text: step.Resource, style: symbolStyles[symbol], hang: 12}
}

// bounded are the first of many lines.
func bounded(lines []line) []line {
	if more := len(lines) - mostSteps; more > 0 {
		return append(lines[:mostSteps:mostSteps], line{text: "  and " + strconv.Itoa(more) + " more"})
	}
	return lines
}
