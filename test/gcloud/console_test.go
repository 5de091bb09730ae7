package gcloud

import (
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/iapguard/iapguard/test/binary"
)

var (
	shownButton = regexp.MustCompile(`(?s)<button data-action="([^"]+)" data-service="([^"]*)".*?</li>`)
	shownLine   = regexp.MustCompile(`(?s)<code>(.*?)</code>`)
	tag         = regexp.MustCompile(`<[^>]*>`)
)

// press types the lines that the console shows beside a button, and returns what they print. Of
// a service that is not there yet the name is "".
func (l *local) press(action, service string) (out string) {
	l.t.Helper()
	var page []byte
	l.until("the page is there", func() bool {
		response, err := http.Get(l.url + "/console")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		page, err = io.ReadAll(response.Body)
		return err == nil && response.StatusCode == http.StatusOK
	})
	for _, button := range shownButton.FindAllStringSubmatch(string(page), -1) {
		if button[1] != action || service != "" && !strings.HasSuffix(button[2], "/services/"+service) {
			continue
		}
		for _, line := range shownLine.FindAllStringSubmatch(button[0], -1) {
			out += l.typeLine(html.UnescapeString(tag.ReplaceAllString(line[1], "")))
		}
	}
	if out == "" {
		l.t.Fatalf("the console shows no line for %s of %q, or it prints nothing", action, service)
	}
	return out
}

// count is how many reports have an outcome.
func (l *local) count(outcome string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, each := range l.said {
		if strings.HasSuffix(each.Type, "."+outcome) {
			n++
		}
	}
	return n
}

func TestTheLinesOfTheConsoleDoWhatTheirButtonsDo(t *testing.T) {
	t.Parallel()
	l := start(t)
	folder := t.TempDir()
	if err := os.Symlink(binary.Command(t), filepath.Join(folder, "iapguard")); err != nil {
		t.Fatal(err)
	}
	l.env = append(l.env, "PATH="+folder+":"+os.Getenv("PATH"))
	becomes := func(path, want string) {
		t.Helper()
		l.until(path+" is "+want, func() bool { return find(l.state(), path) == want })
	}
	ends := func(outcomes ...string) {
		t.Helper()
		l.until("shop ends "+strings.Join(outcomes, " or "), func() bool {
			return strings.Contains(strings.Join(outcomes, " "), l.last("shop")) && l.last("shop") != ""
		})
	}
	const ingress, iap = `services/shop/ingress$`, `backendServices/shop-backend/iap/enabled$`
	const guarded = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
	l.press("deploy", "")
	ends("waiting")
	l.press("balance", "shop")
	becomes(iap, "true")
	becomes(ingress, guarded)
	ends("protected", "compliant")

	l.press("hold", "")
	l.press("public", "shop")
	ends("held")
	if got := find(l.state(), ingress); got != "INGRESS_TRAFFIC_ALL" {
		t.Errorf("while writes are held, the ingress is %q", got)
	}
	l.press("resume", "")
	becomes(ingress, guarded)
	ends("protected", "compliant")

	if out := l.press("terraform", "shop"); !strings.Contains(out, "200 OK") {
		t.Errorf("Terraform's call is answered: %s", out)
	}
	becomes(iap, "true")
	ends("protected", "compliant", "contested")
	repaired := l.count("protected")
	if out := l.press("revoke", "shop"); strings.Contains(out, "gcp-sa-iap") {
		t.Errorf("the grant is still there: %s", out)
	}
	l.until("the grant is made again", func() bool { return l.count("protected") > repaired })

	if out := l.press("stuck", "shop"); !strings.Contains(out, "403 Forbidden") {
		t.Errorf("alice is answered: %s", out)
	}
	l.press("doctor", "shop")
	l.until("shop is redeployed", func() bool { return l.count("redeployed") == 1 })
	l.until("the reports of that have come", func() bool { return l.last("shop") == "compliant" })
	before := l.count("compliant")
	l.press("sweep", "")
	l.until("a sweep reports every service", func() bool { return l.count("compliant") >= before+3 })
}
