package deploy_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/localcloud/oidc"
)

// send posts a body to a path of the function with a token, "" for none, like a
// Google service in the project, which the ingress admits.
func (e *fixture) send(path, token, body string) int {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.address+path,
		strings.NewReader(body))
	e.done(err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := e.Cloud.DataPlane().InternalTransport().RoundTrip(request)
	e.done(err)
	response.Body.Close()
	return response.StatusCode
}

const pusher = "iapguard-commands@demo-project.iam.gserviceaccount.com" // of the path /commands

// signed returns a token of the pusher's for the function, with some claims changed.
func (e *fixture) signed(by *oidc.Issuer, changes map[string]any) string {
	e.t.Helper()
	now := e.Now()
	claims := map[string]any{"iss": "https://accounts.google.com", "aud": e.address, "sub": "1", "email": pusher,
		"email_verified": true,
		"iat":            now.Add(-2 * time.Hour).Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	text, err := by.Sign(claims)
	e.done(err)
	return text
}

// outside returns the function's answer to a request from the internet.
func (e *fixture) outside(path, token, body string) int {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.DataURL()+path,
		strings.NewReader(body))
	e.done(err)
	request.Host = strings.TrimPrefix(e.address, "https://")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	e.done(err)
	response.Body.Close()
	return response.StatusCode
}

// aSweep is a push with the command to sweep the project.
var aSweep = fmt.Sprintf(`{"message":{"data":%q,"messageId":"1"},"subscription":"s"}`,
	base64.StdEncoding.EncodeToString([]byte(`{"command":"sweep","target":"projects/demo-project"}`)))

func TestAWrongTokenReachesNothingAndChangesNothing(t *testing.T) {
	e := open(t, asShipped, map[string]any{"intake": []any{"eventarc"}})
	e.Build(worldwide) // a caller that is believed may have it protected
	e.apply()
	ours, past := e.Cloud.Tokens(), e.Now().Add(-time.Minute).Unix()
	good := e.signed(ours, nil)
	changed := func(claim string, value any) string { return e.signed(ours, map[string]any{claim: value}) }
	before := e.Shown("state")
	for _, tc := range []struct {
		name, token string
		want        int
	}{
		{"no token", "", 403},
		{"garbage", "garbage", 401},
		{"a token signed by another key", e.signed(oidc.NewWithOwnKey(e.Now), nil), 401},
		{"a token with its signature cut off", good[:strings.LastIndex(good, ".")+1], 401},
		{"an expired token", changed("exp", past), 401},
		{"a token of another issuer", changed("iss", "https://issuer.example.com"), 401},
		{"a token to another audience", changed("aud", "https://example.com"), 401},
		{"a token of an address that is not verified", changed("email_verified", false), 401},
		{"another account's token", changed("email", "iapguard@demo-project.iam.gserviceaccount.com"), 403},
		{"a person's token", changed("email", "stranger@example.com"), 403},
	} {
		for _, path := range []string{"/", "/work", "/commands", "/healthz"} {
			if got := e.send(path, tc.token, aSweep); got != tc.want {
				t.Errorf("%s at %s: %d, want %d", tc.name, path, got, tc.want)
			}
		}
	}
	if got := e.outside("/commands", good, aSweep); got != http.StatusNotFound {
		t.Errorf("the pusher's token from the internet: %d, want 404 by ingress", got)
	}
	e.Idle()
	if got := e.program.requests.Load(); got != 0 {
		t.Errorf("%d requests reached the function", got)
	}
	if diff := cmp.Diff(before, e.Shown("state")); diff != "" {
		t.Errorf("the state has changed (-before +after):\n%s", diff)
	}
	if got := e.send("/commands", good, aSweep); got != http.StatusNoContent {
		t.Errorf("the pusher's token: %d, want 204", got)
	}
	e.until("the sweep of who is believed protects hello", e.protected("hello"))
	if e.Shown("state") == before {
		t.Error("the state shows nothing of it, so that it could not have shown the others' either")
	}
}

// The token of each account that Pub/Sub signs as opens its own path, and no other: a stolen
// one makes nothing of the rest.
func TestAPushersTokenOpensItsOwnPathAlone(t *testing.T) {
	e := open(t, asShipped, nil)
	e.Build(worldwide)
	e.apply()
	before := e.Shown("state")
	for topic, opens := range map[string]string{"events": "/", "refused": "/", "work": "/work",
		"commands": "/commands",
		"approver": ""} {
		token := e.signed(e.Cloud.Tokens(),
			map[string]any{"email": "iapguard-" + topic + "@demo-project.iam.gserviceaccount.com"})
		for _, path := range []string{"/", "/work", "/commands"} {
			if path == opens {
				continue
			}
			if got := e.send(path, token, aSweep); got != http.StatusForbidden && got != http.StatusUnauthorized {
				t.Errorf("the token of %s at %s: %d, want 401 or 403", topic, path, got)
			}
		}
	}
	e.Idle()
	if diff := cmp.Diff(before, e.Shown("state")); diff != "" {
		t.Errorf("the state has changed (-before +after):\n%s", diff)
	}
	command := e.signed(e.Cloud.Tokens(), nil)
	if got := e.send("/commands", command, aSweep); got != http.StatusNoContent {
		t.Errorf("the token of commands at /commands: %d, want 204", got)
	}
	e.until("the sweep protects hello", e.protected("hello"))
}

// What people send comes with a token of the operator's account, through Cloud Run's own check,
// which takes the signature away.
func TestPeoplesCommandsNeedTheOperatorsFreshToken(t *testing.T) {
	e := open(t, asShipped, nil)
	e.Build(worldwide)
	e.apply()
	const operator = "iapguard-approver@demo-project.iam.gserviceaccount.com"
	issued := func(ago time.Duration) string {
		return e.signed(e.Cloud.Tokens(), map[string]any{"email": operator, "iat": time.Now().Add(-ago).Unix()})
	}
	const hold = `{"command":"hold","target":"projects/demo-project","for":"1h","reason":"a test"}`
	fresh := issued(0)
	for _, tc := range []struct {
		name, path, token string
		want              int
	}{
		{"issued six minutes ago", "/commands", issued(6 * time.Minute), http.StatusUnauthorized},
		{"at another path", "/work", fresh, http.StatusForbidden},
		{"fresh", "/commands", fresh, http.StatusOK},
		{"used before", "/commands", fresh, http.StatusUnauthorized},
	} {
		if got := e.send(tc.path, tc.token, hold); got != tc.want {
			t.Errorf("a token of the operator, %s: %d, want %d", tc.name, got, tc.want)
		}
	}
	if got := e.send("/commands", e.signed(e.Cloud.Tokens(), nil), aSweep); got != http.StatusNoContent {
		t.Errorf("a sweep: %d, want 204", got)
	}
	e.Idle()
	if got := e.Ask(worldwide.Host, ""); got != http.StatusOK {
		t.Errorf("the service is held, and a stranger gets %d", got)
	}

	// Somebody turns the invoker check off: then anybody can write a token without a signature.
	name := "/v2/projects/demo-project/locations/" + region + "/services/iapguard"
	e.CallAs(e.Owner(), http.MethodPatch, name+"?updateMask=invokerIamDisabled", map[string]any{"invokerIamDisabled": true})
	time.Sleep(1100 * time.Millisecond) // so long the last reading is believed
	forged := e.signed(oidc.NewWithOwnKey(e.Now), map[string]any{"email": operator, "iat": time.Now().Unix(), "jti": "forged"})
	forged = forged[:strings.LastIndex(forged, ".")] + ".SIGNATURE_REMOVED_BY_GOOGLE"
	if got := e.send("/commands", forged, strings.Replace(hold, "hold", "resume", 1)); got != http.StatusServiceUnavailable {
		t.Errorf("a forged token while nobody checks who invokes: %d, want 503", got)
	}
}
