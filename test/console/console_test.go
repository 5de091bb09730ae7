// Package console tests the page of the local cloud in a real browser.
package console

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/iapguard/iapguard/test/binary"
	"github.com/iapguard/iapguard/test/browser"
	"github.com/iapguard/iapguard/test/port"
)

func TestMain(m *testing.M) { binary.Main(m) }

// page is the console of a running `iapguard local`, in a browser.
type page struct {
	t         *testing.T
	browser   *browser.Browser
	tab       *browser.Tab
	url, data string
}

// open starts the local cloud and opens its page.
func open(t *testing.T, flags ...string) *page {
	t.Helper()
	p := &page{t: t, browser: browser.Start(t), url: port.Free(t), data: port.Free(t)}
	flags = append([]string{"local", "--addr", p.url, "--data-addr", p.data}, flags...)
	command := exec.Command(binary.Command(t), flags...)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("iapguard local ended with %v: %s", err, said.String())
		}
	})
	for !p.answers() {
		if t.Context().Err() != nil {
			t.Fatalf("iapguard local does not answer: %s", said.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.tab = p.browser.Tab(browser.View{Width: 1440, Height: 900})
	p.tab.Open("http://" + p.url + "/")
	t.Cleanup(func() {
		for _, each := range p.tab.Errors() {
			if !strings.Contains(each, "the server responded with a status of 403") { // to bob
				t.Errorf("the browser says: %s", each)
			}
		}
	})
	return p
}

// answers reports whether the page is there.
func (p *page) answers() bool {
	response, err := http.Get("http://" + p.url + "/console")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// sees waits until an element is there; those in a list are found by their text.
func (p *page) sees(selector, text string) {
	p.t.Helper()
	p.in(p.tab, selector, text)
}

func (p *page) in(tab *browser.Tab, selector, text string) {
	p.t.Helper()
	script := fmt.Sprintf(`[...document.querySelectorAll(%q)].some((each) => each.textContent.includes(%q))`,
		selector, text)
	for end := time.Now().Add(patience); !browser.Value[bool](tab, script); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("there is no %s with %q in\n%.3000s", selector, text,
				browser.Value[string](tab, `["#status", "#summary", "#episodes", "#services"]
				.map((each) => document.querySelector(each)?.innerText ?? document.body.innerText).join("\n")`))
		}
	}
}

// press presses a button of a service, "" for one of the project.
func (p *page) press(action, service string) {
	p.t.Helper()
	of := "#tries"
	if service != "" {
		of = card(service)
		p.sees(of, service)
		script := fmt.Sprintf(`document.querySelector(%q + " details").open = true`, of)
		browser.Value[bool](p.tab, script)
	}
	selector := of + " [data-action=" + action + "]:not([disabled])"
	p.click(selector)
}

// click clicks on an element at once: the page may replace it at any time.
func (p *page) click(selector string) {
	p.t.Helper()
	p.sees(selector, "")
	browser.Value[bool](p.tab, fmt.Sprintf(`document.querySelector(%q).click(), true`, selector))
}

// card is what shows a service.
func card(service string) string { return "article[id$=-" + service + "]" }

func (p *page) state(service, state string) {
	p.t.Helper()
	p.sees(card(service)+" header .pill", state)
}

// settled waits until a service is protected.
func (p *page) settled(service string) {
	p.t.Helper()
	p.sees(card(service)+" .dg-iap", alice)
	p.answered(service, bob, "403")
	p.state(service, "guarded")
}

// answered waits until somebody is answered so at the service's first address.
func (p *page) answered(service, who, status string) {
	p.t.Helper()
	p.sees(card(service)+fmt.Sprintf(" tbody tr:first-child [data-who=%q] b", who), status)
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

const (
	alice = "user:alice@example.com"
	bob   = "user:bob@example.com"
)

func TestThePageStartsRedAndTurnsGreen(t *testing.T) {
	t.Parallel()
	p := open(t, "--paused")
	p.sees("#summary", "Nothing is deployed yet")
	p.click("#summary [data-action=play]")
	p.sees("#summary .bad", "2 of 2 services are open to the internet")
	p.sees(card("hello")+" .dg-open", "anyone gets in")
	p.sees("#summary .good", "2 services, all guarded")
	p.sees(card("hello")+" .dg-iap", "user:alice@example.com")
	p.sees(card("billing")+" .dg-ingress", "nobody gets in")
	for _, kind := range []string{"log", "decision", "call", "report"} {
		p.sees("#episodes .episode.good ."+kind, "")
	}
	p.sees("#episodes .decision", "enable-iap: requests through the load balancer are not asked to sign in")
}

func TestButtonsBreakAServiceAndItIsRepaired(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.settled("hello")
	p.answered("hello", alice, "200")
	p.answered("hello", "", "302")

	p.press("public", "hello")
	p.state("hello", "open to the internet")
	p.sees(card("hello")+" .dg-open", "run.app")
	p.state("hello", "guarded")

	// What was guarded before is guarded again at once, before anybody sees the 403.
	p.press("revoke", "hello")
	p.sees("#episodes .episode.good", "You: Take IAP's grant away")
	p.sees("#episodes li:first-child .call", "run.projects.locations.services.setIamPolicy")
	p.answered("hello", alice, "200")

	p.press("terraform", "hello")
	p.sees("#episodes .log", "with Terraform/")
	p.answered("hello", "", "403") // of Cloud Run: nobody asks for a sign-in
	p.answered("hello", "", "302")

	p.press("stuck", "hello")
	p.answered("hello", alice, "403")
	p.press("doctor", "hello")
	p.sees("#episodes .report", "STUCK_REVISION")
	p.answered("hello", alice, "200")
}

func TestButtonsDeployHoldAndResume(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.settled("hello")
	p.press("deploy", "")
	p.state("shop", "open to the internet")
	p.sees("#episodes .episode", "waiting")
	p.press("balance", "shop")
	p.settled("shop")

	p.press("hold", "")
	p.sees("#status", "Hold every write: done")
	p.press("public", "shop")
	p.sees("#episodes .episode", "held")
	p.state("shop", "open to the internet")
	p.press("resume", "")
	p.state("shop", "guarded")

	p.press("sweep", "")
	p.sees("#episodes .report.good", "×")
}

// What is open and what has the focus stays so while the page changes beneath.
func TestTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.settled("hello")
	browser.Value[bool](p.tab, fmt.Sprintf(`document.querySelector(%q).focus(), true`, card("hello")+" summary"))
	p.tab.Do(chromedp.KeyEvent("\r"))
	p.sees(card("hello")+" details[open] [data-action=public]", "")
	const focused = `document.activeElement.dataset.action ?? ""`
	for n := 0; browser.Value[string](p.tab, focused) != "public"; n++ {
		if n == 10 {
			t.Fatal("ten tabs do not lead to the button")
		}
		p.tab.Do(chromedp.KeyEvent("\t"))
	}
	p.tab.Do(chromedp.KeyEvent("\r"))
	p.state("hello", "open to the internet")
	p.state("hello", "guarded")
	if got := browser.Value[string](p.tab, focused); got != "public" {
		t.Errorf("after the page has changed, the focus is on %q", got)
	}
	p.sees(card("hello")+" details[open]", "")
}

func TestAVisitorKnocksAndTheLineIsShown(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.settled("hello")
	p.click(card("hello") + fmt.Sprintf(" [data-who=%q]", bob))
	p.sees(card("hello")+" .knocked", "bob was answered by IAP")
	p.sees("#status", "bob was answered by IAP")
	p.sees(card("hello")+" .knocked code",
		"curl -i -H 'Host: hello.example.com' -H 'X-Local-User: "+bob+"' http://"+p.data+"/")
}

func TestAVisitorSignsInAndWalksThroughADoor(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.settled("hello")
	door := card("hello") + " tbody th a"
	p.sees(door, "https://hello.example.com")
	address := browser.Value[string](p.tab, fmt.Sprintf(`document.querySelector(%q).href`, door))
	if !strings.HasPrefix(address, "http://hello.example.com.localhost:") {
		t.Fatalf("the door leads to %q", address)
	}
	p.tab.Open(address)
	p.sees("h1", "Sign in")
	p.click(`button[value="alice@example.com"]`)
	p.sees("h1", "You reached hello")
	p.sees("dd", "accounts.google.com:alice@example.com")
	p.click("a.button")
	p.sees("h1", "Sign in")
	p.click(`button[value="bob@example.com"]`)
	p.sees("h1", "You don't have access")
}

// The page is a few files, and only its two style sheets block what is shown first.
func TestThePageKeepsItsBudget(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.settled("hello")
	p.settled("billing")
	tab := p.browser.Tab(browser.Phone)
	tab.Open("http://" + p.url + "/")
	p.in(tab, card("billing"), "")
	w := tab.Weight()
	t.Logf("two services: %v", w)
	if over := w.Over(browser.Weight{Requests: 6, Bytes: 128 << 10, Blocking: 2, Nodes: 1500}); len(over) > 0 {
		t.Error(strings.Join(over, "\n"))
	}
	tab.Open("about:blank") // a browser keeps few streams from one host
}

// looks are how people see the page.
var looks = map[string]browser.View{"light": {Width: 1440, Height: 900}, "dark": {Width: 1440, Height: 900, Dark: true},
	"phone": browser.Phone}

func TestEverybodyCanUseThePage(t *testing.T) {
	t.Parallel()
	p := open(t, "--paused")
	look := func(when, address string) {
		for name, view := range looks {
			tab := p.browser.Tab(view)
			tab.Open(address)
			p.in(tab, "main, h1", "")
			browser.Value[bool](tab, `document.querySelectorAll("details").forEach((each) => (each.open = true)), true`)
			for _, fault := range tab.Faults() {
				t.Errorf("%s, %s: %s", when, name, fault)
			}
			tab.Keep("console-"+when+"-"+name+".png", tab.Screenshot())
			tab.Open("about:blank") // a browser keeps few streams from one host
		}
	}
	look("empty", "http://"+p.url+"/")
	p.click("#summary [data-action=play]")
	p.sees(card("billing")+" .dg-open", "billing.example.com")
	look("red", "http://"+p.url+"/")
	p.settled("hello")
	p.settled("billing")
	look("green", "http://"+p.url+"/")
	look("sign-in", "http://hello.example.com.localhost"+p.data[strings.LastIndex(p.data, ":"):]+"/")
}
