package browser

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fine is a page without a fault.
const fine = `<!doctype html><html lang="en"><head><title>t</title><link rel="icon" href="data:,">
<style>input,button{min-height:24px}</style>
<meta name="viewport" content="width=device-width"></head><body><main><h1>One</h1><h2>Two</h2>
<p>Text, <a href="#two">a link</a>.</p><table id="two"><tr><th scope="col">Name</th></tr><tr><td>x</td></tr></table>
<label>Find <input type="search"></label><button>Go there</button></main></body></html>`

func TestFaultsOfAPageAreFound(t *testing.T) {
	browser := Start(t)
	for _, tc := range []struct{ name, old, new, want string }{
		{"none", "", "", ""},
		{"no language", ` lang="en"`, "", "language: "},
		{"no title", "<title>t</title>", "", "title: "},
		{"no main", "main>", "div>", "landmark: "},
		{"two first headings", "h2>", "h1>", "heading: "},
		{"a level left out", "h2>", "h3>", "heading: h3: it follows h1"},
		{"a table without headers", `<th scope="col">Name</th>`, "<td>Name</td>", "table: "},
		{"a header without a scope", ` scope="col"`, "", "table: th: a header has no scope"},
		{"a link to nothing", `href="#two"`, `href="#three"`, "link: a: nothing has the id three"},
		{"an id twice", "<h2>", `<h2 id="two">`, "id: "},
		{"a name that is not there", "<main>", `<main aria-labelledby="x">`, "reference: main: aria-labelledby names x"},
		{"a control without a name", "<label>Find ", "<label>", "name: a searchbox has none"},
		{"a button without a name", "Go there", "", "name: a button has none"},
		{"grey on white", "<p>", `<p style="color:#999">`, "contrast: p: 2.85 of “Text,”"},
		{"on a dark card", "<p>", `<div style="background:#222"><p style="color:#555">`, "contrast: p: "},
		{"half seen through", "<p>", `<p style="color:rgb(0 0 0 / .3)">`, "contrast: p: "},
		{"too wide", "<p>", `<p style="width:600px">`, "reflow: "},
		{"a small button", "<button>", `<button style="all:unset;font-size:8px">`, "target: button: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "page.html")
			html := fine
			if tc.old != "" {
				html = strings.ReplaceAll(fine, tc.old, tc.new)
			}
			if err := os.WriteFile(file, []byte(html), 0o600); err != nil {
				t.Fatal(err)
			}
			tab := browser.Tab(Phone)
			tab.Open("file://" + file)
			faults := tab.Faults()
			if tc.want == "" && len(faults) > 0 {
				t.Errorf("faults of a page without one: %q", faults)
			}
			if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, tc.want) }) && tc.want != "" {
				t.Errorf("faults %q, want one that begins with %q", faults, tc.want)
			}
		})
	}
}

func TestAxeLooksToo(t *testing.T) {
	if os.Getenv("TEST_AXE") == "" {
		t.Skip("skipped: TEST_AXE names no axe.min.js of axe-core: npm install axe-core")
	}
	tab := Start(t).Tab(View{})
	tab.Open("data:text/html," + url.PathEscape(strings.Replace(fine, "<p>", `<p style="color:#999">`, 1)))
	if faults := strings.Join(tab.Faults(), "\n"); !strings.Contains(faults, "axe color-contrast: ") {
		t.Errorf("axe-core does not see grey text on white: %s", faults)
	}
}

func TestATabShowsPagesAsAsked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "script-src 'self'")
		html := strings.ReplaceAll(fine, "</main>",
			`<img alt="" src="/none.png"><script>document.title="inline"</script></main>`)
		_, _ = w.Write([]byte(html))
	}))
	defer server.Close()
	browser := Start(t)
	tab := browser.Tab(View{Dark: true, Width: 700, Height: 400})
	tab.Open(server.URL + "/")
	if dark := Value[bool](tab, `matchMedia("(prefers-color-scheme: dark)").matches && innerWidth === 700`); !dark {
		t.Error("the tab is not dark, or not 700 pixels wide")
	}
	if got := tab.Requests(); !slices.Contains(got, server.URL+"/") || !slices.Contains(got, server.URL+"/none.png") {
		t.Errorf("requests %q", got)
	}
	errors := strings.Join(tab.Errors(), "\n")
	if !strings.Contains(errors, "404") || !strings.Contains(errors, "Content Security Policy") {
		t.Errorf("errors %q, want the picture that is missing and the script that is refused", errors)
	}
	if png := tab.Screenshot(); !strings.HasPrefix(string(png), "\x89PNG") || len(png) < 1000 {
		t.Errorf("the picture has %d bytes", len(png))
	}
	if pdf := tab.PDF(); !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Errorf("the print has %d bytes", len(pdf))
	}
	quiet := browser.Tab(View{NoScript: true})
	quiet.Open("data:text/html,<title>before</title><script>document.title='after'</script>")
	if title := Value[string](quiet, "document.title"); title != "before" {
		t.Errorf("without JavaScript the title is %q", title)
	}
}
