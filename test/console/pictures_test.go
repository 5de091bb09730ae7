package console

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/test/browser"
)

// The pictures of README.md: a service of the console before the function protects it, and after.
const (
	picturesFolder = "../../deploy/docs/pictures"
	// shown has what the pictures show, by which they are found stale. Pixels differ from one
	// Chromium and its fonts to the next.
	shownFile = "console.txt"
	remake    = "UPDATE=1 go test ./test/console -run Pictures"
)

// TestThePicturesOfTheFrontPageAreCurrent makes the pictures anew with UPDATE=1 in the
// environment. Without it, it fails where the console shows something else than they do, or
// where a picture is not the one that was made then.
func TestThePicturesOfTheFrontPageAreCurrent(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(unhurried), 0o644); err != nil {
		t.Fatal(err)
	}
	p := open(t, "--paused", "--policy", policy)
	update := os.Getenv("UPDATE") == "1"
	var shown strings.Builder
	picture := func(name string) {
		text := p.shows(card("hello"))
		if update {
			p.write(name, p.tab.Picture(card("hello")))
			if again := p.shows(card("hello")); again != text {
				t.Fatalf("%s was taken while the page changed: %s", name, cmp.Diff(text, again))
			}
		}
		fmt.Fprintf(&shown, "%s, sha256 %s\n\n%s\n\n", name, p.sum(name), text)
	}
	p.click("#summary [data-action=play]")
	p.sees("#summary .bad", "2 of 2 services are open to the internet")
	p.answered("hello", bob, "200")
	picture("red.png")
	p.settled("hello")
	p.answered("hello", alice, "200")
	p.answered("hello", "", "302")
	picture("green.png")
	if update {
		p.write(shownFile, []byte(shown.String()))
	}
	was, err := os.ReadFile(filepath.Join(picturesFolder, shownFile))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(was), shown.String()); diff != "" {
		t.Errorf("the pictures are stale (-pictures +console); %s makes them:\n%s", remake, diff)
	}
}

// unhurried is the local cloud's policy, but that the function waits long enough for a
// picture on a busy machine.
const unhurried = `version: 1
rules:
  - name: built-in
    mode: enforce
    access: {members: ["user:alice@example.com"]}
    settle: 8s
    quiet: 8s
    propagation: 2s
`

// theirs are the parts of what the page says that differ from one run to the next.
var theirs = regexp.MustCompile(`:\d{4,5}\b`)

// trailing is white space at the end of a line.
var trailing = regexp.MustCompile(`(?m)[ \t]+$`)

// visible are the properties by which a change of the style sheets shows. Sizes of text and of
// what holds it are not among them: they differ with the fonts of a machine.
var visible = []string{"color", "background-color", "border-color", "border-style", "border-width", "border-radius",
	"display", "fill", "font-size", "font-style", "font-weight", "gap", "padding", "stroke", "stroke-width",
	"text-align", "text-decoration-line", "visibility"}

// shows returns what an element says, and checksums of how it is marked up and of how it looks,
// without what is folded.
func (p *page) shows(selector string) string {
	p.t.Helper()
	element := fmt.Sprintf("document.querySelector(%q)", selector)
	text := trailing.ReplaceAllString(browser.Value[string](p.tab, element+".innerText"), "")
	markup := browser.Value[string](p.tab, fmt.Sprintf(`(() => { const copy = %s.cloneNode(true)
		copy.querySelectorAll("details").forEach((each) => each.remove()); return copy.outerHTML })()`, element))
	styles := browser.Value[string](p.tab, fmt.Sprintf(`[...%s.querySelectorAll(":not(details, details *)")].map((each) =>
		%q.split(" ").map((name) => getComputedStyle(each).getPropertyValue(name)).join(" ")).join("\n")`,
		element, strings.Join(visible, " ")))
	return fmt.Sprintf("%s\n\nmarkup %x\nstyles %x", text,
		sha256.Sum256([]byte(theirs.ReplaceAllString(markup, ""))), sha256.Sum256([]byte(styles)))
}

func (p *page) write(name string, content []byte) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(picturesFolder, name), content, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// sum is the checksum of a picture.
func (p *page) sum(name string) string {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(picturesFolder, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}
