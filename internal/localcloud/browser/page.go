package browser

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/dataplane"
)

//go:embed style.css
var style []byte

//go:embed pages.html
var pagesText string

var pages = template.Must(template.New("").Parse(pagesText))

// policy lets a page load its style sheet, and send its form to where it came from.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func showPage(w http.ResponseWriter, status int, name string, data any) {
	var text bytes.Buffer
	if err := pages.ExecuteTemplate(&text, name, data); err != nil {
		http.Error(w, "making the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a browser that has gone needs no answer
}

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(style) // a browser that has gone needs no style
}

// accounts are those that the sign-in page offers.
var accounts = []string{"alice@example.com", "bob@example.com", "dev@example.com"}

// signInForm is what the sign-in page shows.
type signInForm struct {
	Host, Continue string
	Accounts       []string
	Refused        bool   // what was sent is not an account
	Sent           string // as far as it could be read
}

func showSignIn(w http.ResponseWriter, r *http.Request) {
	showPage(w, http.StatusOK, "sign-in", signInForm{Host: forHost(r), Continue: continueOf(r), Accounts: accounts})
}

// forHost is the host of the data plane that a browser wants.
func forHost(r *http.Request) string { return strings.TrimSuffix(hostname(r), Suffix) }

// maxForm bounds what the sign-in page takes.
const maxForm = 1 << 14

func signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	who := strings.TrimSpace(r.FormValue("account"))
	if !strings.Contains(who, ":") {
		who = "user:" + who
	}
	if !dataplane.IsVisitor(who) {
		showPage(w, http.StatusBadRequest, "sign-in", signInForm{forHost(r), continueOf(r), accounts, true,
			strings.TrimPrefix(who, "user:")})
		return
	}
	setCookie(w, url.QueryEscape(who), 0)
	http.Redirect(w, r, continueOf(r), http.StatusSeeOther)
}

func signOut(w http.ResponseWriter, r *http.Request) {
	setCookie(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// setCookie keeps a cookie for the session; a negative age deletes it.
func setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		SameSite: http.SameSiteLaxMode})
}

// continueOf is the path on this host to which a visitor wanted, "/" when the request names
// another host, or none.
func continueOf(r *http.Request) string {
	to, err := url.Parse(r.FormValue("continue"))
	if err != nil || to.Scheme != "" || to.Host != "" || to.User != nil || !strings.HasPrefix(to.Path, "/") ||
		strings.HasPrefix(to.Path, "//") || strings.Contains(to.Path, `\`) {
		return "/"
	}
	return to.RequestURI()
}

// refusal is the page of IAP's 403.
type refusal struct{ Host, Who, SignOut string }

// Email is the visitor's address, or the member as it is where it has none.
func (r refusal) Email() string { return strings.TrimPrefix(r.Who, "user:") }

// echo is what the container says that it was called with.
type echo struct {
	Service, Location, Revision string
	Headers                     map[string]string
}

// Who is the visitor, as IAP says in a header; "" = IAP did not say.
func (e echo) Who() string {
	_, who, _ := strings.Cut(e.Headers["X-Goog-Authenticated-User-Email"], ":")
	return who
}

// SignOut is where the visitor signs out.
func (echo) SignOut() string { return SignOutPath }

// Brought are the headers that IAP and Cloud Run added, by name.
func (e echo) Brought() [][2]string {
	var all [][2]string
	for name, value := range e.Headers {
		if strings.HasPrefix(name, "X-Goog-") || strings.HasPrefix(name, "X-Serverless-") {
			all = append(all, [2]string{name, value})
		}
	}
	slices.SortFunc(all, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return all
}

// echoed reads the answer of the local cloud's own container. Programs answer otherwise.
func echoed(a *answered) (seen echo, ok bool) {
	if a.header.Get("Content-Type") != "application/json" {
		return seen, false
	}
	err := json.Unmarshal(a.body.Bytes(), &seen)
	return seen, err == nil && seen.Service != "" && seen.Revision != ""
}
