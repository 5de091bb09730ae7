package connect

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	run "google.golang.org/api/run/v2"

	"github.com/iapguard/iapguard/internal/fault"
)

const helloService = "projects/demo-project/locations/us-central1/services/hello"

// asking makes one call of Cloud Run at a server, and returns its error.
func asking(t *testing.T, config Config) error {
	t.Helper()
	options, err := config.Options(t.Context(), Run)
	if err != nil {
		t.Fatal(err)
	}
	api, err := run.NewService(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.Projects.Locations.Services.Get(helloService).Context(t.Context()).Do()
	return Classify(err)
}

// serving is Cloud Run as a function answers for it.
func serving(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server
}

// A call that hangs ends by itself, in each of its parts.
func TestAHangingCallEndsAsUnavailable(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) {},
		"in the answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"name": "`+strings.Repeat("a", 100))
			w.(http.Flusher).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock, release := clockwork.NewFakeClock(), make(chan struct{})
			server := serving(t, func(w http.ResponseWriter, _ *http.Request) {
				begin(w)
				clock.Advance(callPatience)
				<-release
			})
			t.Cleanup(func() { close(release) }) // before the server closes
			err := asking(t, Config{Endpoint: server.URL, Clock: clock})
			if got := fault.Of(err); got.Kind != fault.Unavailable || !strings.Contains(got.Error(), "did not answer within 30s") {
				t.Errorf("%v of kind %s, want unavailable, and who did not answer", err, got.Kind)
			}
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				t.Errorf("%v is the error of a context: others that wait for the same answer would ask once more", err)
			}
		})
	}
}

// stuck is a transport that does not look at the request's context, as a lock does not.
type stuck struct{ until chan struct{} }

func (s stuck) RoundTrip(*http.Request) (*http.Response, error) {
	<-s.until
	return nil, errors.New("too late")
}

func TestACallEndsWhereItsTransportIgnoresTheContext(t *testing.T) {
	clock, until := clockwork.NewFakeClock(), make(chan struct{})
	defer close(until)
	client := Config{Clock: clock}.client(stuck{until})
	go func() {
		_ = clock.BlockUntilContext(t.Context(), 1)
		clock.Advance(callPatience)
	}()
	response, err := client.Get("https://run.googleapis.com/")
	if err == nil {
		_ = response.Body.Close()
	}
	if fault.Of(Classify(err)).Kind != fault.Unavailable {
		t.Errorf("%v, want unavailable", err)
	}
}

func TestAnOperationThatNeverEndsFails(t *testing.T) {
	config := Config{Sleep: func(context.Context, time.Duration) error { return nil }}
	err := config.Until(t.Context(), func(ctx context.Context) (bool, error) {
		if patienceOf(ctx) != waitPatience {
			t.Errorf("patience %s, want that of a call that waits", patienceOf(ctx))
		}
		return false, nil
	})
	if got := fault.Of(err); got.Kind != fault.OperationFailed {
		t.Errorf("%v of kind %s, want a failed operation", err, got.Kind)
	}
}

// What a proxy or a fault of the API can answer instead of a service.
func TestAnswersThatAreNoneAreErrors(t *testing.T) {
	elsewhere := 0
	other := serving(t, func(http.ResponseWriter, *http.Request) { elsewhere++ })
	json := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json; charset=UTF-8") }
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter)
		kind   fault.Kind
		says   string
	}{
		"HTML": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>Sign in</html>") }, fault.Unavailable, ""},
		"an error with status 200": {func(w http.ResponseWriter) {
			json(w)
			_, _ = io.WriteString(w, `{"error": {"code": 503, "message": "try later", "status": "UNAVAILABLE"}}`)
		}, fault.Unavailable, "try later"},
		"too long": {func(w http.ResponseWriter) {
			json(w)
			_, _ = io.WriteString(w, `{"name": "`)
			for part := strings.Repeat("a", 1<<20); ; {
				if _, err := io.WriteString(w, part); err != nil {
					return
				}
			}
		}, fault.Invalid, "longer than 64 MiB"},
		"too long once it is unpacked": {func(w http.ResponseWriter) {
			json(w)
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			_, _ = io.WriteString(packed, `{"name": "`)
			for range 100 {
				_, _ = io.WriteString(packed, strings.Repeat("a", 1<<20))
			}
			_ = packed.Close()
		}, fault.Invalid, "longer than 64 MiB"},
		"a huge header": {func(w http.ResponseWriter) {
			w.Header().Set("X-Long", strings.Repeat("a", maxHeader+1))
			w.WriteHeader(http.StatusOK)
		}, fault.Unavailable, "header"},
		"gzip cut short": {func(w http.ResponseWriter) {
			json(w)
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 0xaa})
		}, fault.Unavailable, "unexpected EOF"},
		"a redirect to another host": {func(w http.ResponseWriter) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(http.StatusFound)
		}, fault.Unavailable, "no credentials are sent"},
	} {
		t.Run(name, func(t *testing.T) {
			server := serving(t, func(w http.ResponseWriter, _ *http.Request) { tc.answer(w) })
			err := asking(t, Config{Endpoint: server.URL})
			if got := fault.Of(err); err == nil || got.Kind != tc.kind || !strings.Contains(got.Error(), tc.says) {
				t.Errorf("%v of kind %s, want kind %s and %q", err, got.Kind, tc.kind, tc.says)
			}
		})
	}
	if elsewhere != 0 {
		t.Error("the other host was asked")
	}
}

func TestNoCredentialsForOtherPurposesFollowARedirect(t *testing.T) {
	issuing(t)
	client, err := Authorized(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asked, err := http.NewRequest(http.MethodPost, "https://telemetry.googleapis.com/v1/traces", nil)
	if err != nil {
		t.Fatal(err)
	}
	for to, follows := range map[string]bool{
		"https://telemetry.googleapis.com/v2/traces": true,
		"https://telemetry.example.com/v1/traces":    false,
		"http://telemetry.googleapis.com/v1/traces":  false,
	} {
		next, err := http.NewRequest(http.MethodGet, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if client.CheckRedirect == nil || follows != (client.CheckRedirect(next, []*http.Request{asked}) == nil) {
			t.Errorf("a redirect to %s: want it followed with the token: %t", to, follows)
		}
	}
}

func TestAFailedOperationIsNotAFailedCall(t *testing.T) {
	for answer, want := range map[string]int{
		`{"error": {"code": 403}}`:                               403,
		`{"error": {"code": 7, "message": "x"}}`:                 0,
		`{"error": {"code": 503}, "name": "operations/1"}`:       0,
		`{"error": {"errors": []}, "name": "o", "status": "OK"}`: 0,
		`{"items": []}`: 0,
		`[]`:            0,
	} {
		if got := errorCode([]byte(answer)); got != want {
			t.Errorf("%s: status %d, want %d", answer, got, want)
		}
	}
}
