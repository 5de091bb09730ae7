package browser

import (
	"fmt"
	"time"
)

// Weight is what a page costs before somebody can read it.
type Weight struct {
	Requests int     // how many files it asked for, itself among them
	Bytes    int     // of these files, as they are decoded
	Blocking int     // files that the first paint waits for, beside the page itself
	Nodes    int     // elements of the page
	Shift    float64 // the cumulative layout shift: how much moves after it is drawn. Source: web.dev/articles/cls
	Painted  time.Duration
}

// weigh reads the Performance API. Source: w3c.github.io/performance-timeline,
// wicg.github.io/layout-instability.
const weigh = `new Promise((done) => {
	let shift = 0
	new PerformanceObserver((seen) => seen.getEntries().forEach((each) => { shift += each.hadRecentInput ? 0 : each.value }))
		.observe({type: "layout-shift", buffered: true})
	const files = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
	const painted = () => performance.getEntriesByName("first-contentful-paint")[0]
	const tell = () => painted() ? setTimeout(() => done({
		Requests: files.length,
		Bytes: Math.max(files.reduce((sum, each) => sum + each.decodedBodySize, 0), document.documentElement.outerHTML.length),
		Blocking: files.filter((each) => each.renderBlockingStatus === "blocking" && each.entryType === "resource").length,
		Nodes: document.querySelectorAll("*").length,
		Shift: shift,
		Painted: Math.round(painted().startTime * 1e6),
	})) : requestAnimationFrame(tell)
	tell()
})`

// Weight weighs the page that the tab shows.
func (t *Tab) Weight() Weight {
	t.t.Helper()
	return Value[Weight](t, weigh)
}

// stable is the most that a page may shift to be good. Source: web.dev/articles/cls.
const stable = 0.1

// Over lists where a page is above a budget. When it is first painted is not in it: that
// depends on the machine, and is printed beside the page's weight.
func (w Weight) Over(budget Weight) []string {
	var over []string
	check := func(what string, is, most int) {
		if is > most {
			over = append(over, fmt.Sprintf("%d %s, more than %d", is, what, most))
		}
	}
	check("requests", w.Requests, budget.Requests)
	check("bytes", w.Bytes, budget.Bytes)
	check("files that block the first paint", w.Blocking, budget.Blocking)
	check("elements", w.Nodes, budget.Nodes)
	if w.Shift > stable {
		over = append(over, fmt.Sprintf("a layout shift of %.3f, more than %.1f", w.Shift, stable))
	}
	return over
}

func (w Weight) String() string {
	return fmt.Sprintf("%d requests, %d KiB, %d of them block, %d elements, layout shift %.3f, first paint after %d ms",
		w.Requests, w.Bytes>>10, w.Blocking, w.Nodes, w.Shift, w.Painted.Milliseconds())
}
