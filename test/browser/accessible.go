package browser

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
)

//go:embed check.js
var check string

// needName are the roles of what a person uses, and therefore has to know by name.
var needName = []string{"button", "link", "checkbox", "radio", "textbox", "searchbox", "combobox", "listbox",
	"slider", "switch",
	"tab", "menuitem", "DisclosureTriangle", "image", "img", "region", "form", "dialog"}

// Faults are what keeps somebody from using the page that the tab shows, a line each: rules
// of WCAG 2.2 that a program can check. They are of this package: names, from the browser's
// accessibility tree; headings, landmarks, tables, references, contrast, size of targets and
// reflow, from the page. Where TEST_AXE names axe-core's axe.min.js, its serious and critical
// violations are among them.
func (t *Tab) Faults() []string {
	t.t.Helper()
	faults := Value[[]string](t, check)
	faults = append(faults, t.unnamed()...)
	return append(faults, t.axe()...)
}

// unnamed are the controls that have no name.
func (t *Tab) unnamed() []string {
	t.t.Helper()
	nodes := Call(t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	var faults []string
	for _, node := range nodes {
		if node.Ignored || !slices.Contains(needName, text(node.Role)) {
			continue
		}
		if strings.TrimSpace(text(node.Name)) == "" {
			faults = append(faults, fmt.Sprintf("name: a %s has none (node %d)", text(node.Role), node.BackendDOMNodeID))
		}
	}
	if len(nodes) == 0 {
		faults = append(faults, "tree: the browser shows nothing to a screen reader")
	}
	return faults
}

// text is a value of the accessibility tree as text.
func text(value *accessibility.Value) string {
	if value == nil {
		return ""
	}
	var s string
	if json.Unmarshal(value.Value, &s) != nil {
		return ""
	}
	return s
}

// axe are the violations that axe-core finds, if it is there. It is not ours to ship: .ci/run
// fetches it from npm where that can be reached.
func (t *Tab) axe() []string {
	t.t.Helper()
	path := os.Getenv("TEST_AXE")
	if path == "" {
		t.t.Log("axe-core did not look at the page: TEST_AXE names no axe.min.js; the checks of this package did")
		return nil
	}
	script, err := os.ReadFile(path)
	if err != nil {
		t.t.Fatalf("reading TEST_AXE: %v", err)
	}
	Value[int](t, string(script)+";0")
	return Value[[]string](t, `axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations
		.filter(v => ["serious", "critical"].includes(v.impact))
		.map(v => "axe " + v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.target.join(" ")).join("; ")))`)
}
