package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"google.golang.org/api/googleapi"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/timeout"
)

// answer is what the generated clients make of a response.
func answer(t *testing.T, status int, body string) error {
	t.Helper()
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json; charset=UTF-8")
	recorder.WriteHeader(status)
	recorder.WriteString(body)
	err := googleapi.CheckResponse(recorder.Result())
	if err == nil {
		t.Fatalf("status %d is not an error", status)
	}
	return err
}

func TestAnswersAreClassifiedByReasonThenStatus(t *testing.T) {
	compute := func(code int, reason, message string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"errors":[{"message":%q,"domain":"global","reason":%q}]}}`, code,
			message, message, reason)
	}
	esf := func(code int, status, message, details string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[%s]}}`, code, message, status, details)
	}
	for _, tc := range []struct {
		name, body          string
		code                int
		want                fault.Kind
		permission, service string
	}{
		{"compute not found", compute(404, "notFound", "The resource 'x' was not found"), 404, fault.NotFound, "", ""},
		{"compute stale fingerprint", compute(412, "conditionNotMet", "Invalid fingerprint."), 412, fault.Conflict, "", ""},
		{"compute rate limit is a 403", compute(403, "rateLimitExceeded", "Quota exceeded"), 403, fault.Quota, "", ""},
		{
			"compute permission",
			compute(403, "forbidden",
				"Required 'compute.backendServices.get' permission for 'projects/p/global/backendServices/b'"),
			403, fault.Denied, "compute.backendServices.get", "",
		},
		{"compute not ready", compute(400, "resourceNotReady", "The resource 'x' is not ready"), 400, fault.Busy, "", ""},
		{"compute refuses", compute(400, "invalid", "Invalid value for field 'x'"), 400, fault.Invalid, "", ""},
		{
			"run stale etag",
			esf(409, "ABORTED", "Conflict for resource 'hello': version '1' was specified but current version is '2'.", ""),
			409, fault.Conflict, "", "",
		},
		{
			"IAM concurrent change", esf(409, "ABORTED", "There were concurrent policy changes.", ""), 409, fault.Conflict,
			"", "",
		},
		{
			"permission in the details",
			esf(403, "PERMISSION_DENIED", "Permission 'run.services.get' denied on resource (or it may not exist).",
				`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED","domain":"run.googleapis.com","metadata":{"permission":"run.services.get"}}`),
			403, fault.Denied, "run.services.get", "",
		},
		{
			"permission to act as an account",
			esf(403, "PERMISSION_DENIED",
				"Permission 'iam.serviceaccounts.actAs' denied on service account a@p.iam.gserviceaccount.com (or it may not "+
					"exist).", ""),
			403, fault.Denied, "iam.serviceAccounts.actAs", "",
		},
		{
			"API switched off",
			esf(403, "PERMISSION_DENIED", "Cloud IAP API has not been used in project 1 before or it is disabled.",
				`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED","domain":"googleapis.com","metadata":{"service":"iap.googleapis.com"}}`),
			403, fault.APIDisabled, "", "iap.googleapis.com",
		},
		{
			"API switched off, without details",
			esf(403, "PERMISSION_DENIED", "Compute Engine API has not been used in project 1 before or it is disabled. Enable it "+
				"by visiting https://console.developers.google.com/apis/api/compute.googleapis.com/overview?project=1 "+
				"then retry.", ""),
			403, fault.APIDisabled, "", "compute.googleapis.com",
		},
		{"quota", esf(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric", ""), 429, fault.Quota, "", ""},
		{
			"agent not there yet",
			esf(400, "INVALID_ARGUMENT", "Service account service-1@gcp-sa-iap.iam.gserviceaccount.com does not exist.", ""),
			400, fault.NotProvisioned, "", "",
		},
		{
			"organisation policy",
			esf(400, "FAILED_PRECONDITION", "Constraint constraints/iap.requireGlobalIapWebDisabled violated", ""), 400,
			fault.OrgPolicy, "", "",
		},
		{
			"domain restricted sharing, as Cloud Run says it",
			esf(400, "FAILED_PRECONDITION", "One or more users named in the policy do not belong to a permitted customer,  "+
				"perhaps due to an organization policy.", ""), 400, fault.OrgPolicy, "", "",
		},
		{"server error", "upstream connect error", 503, fault.Unavailable, "", ""},
		{
			"not offered there", esf(501, "UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled.", ""),
			501, fault.Invalid, "", "",
		},
		{"no JSON", "<html>", 403, fault.Denied, "", ""},
	} {
		got := fault.Of(Classify(answer(t, tc.code, tc.body)))
		if got.Kind != tc.want || got.Permission != tc.permission || got.Service != tc.service {
			t.Errorf("%s: %s permission %q service %q, want %s %q %q",
				tc.name, got.Kind, got.Permission, got.Service, tc.want, tc.permission, tc.service)
		}
		if strings.Contains(got.Error(), "\n") {
			t.Errorf("%s: the message has more than one line: %q", tc.name, got.Error())
		}
	}
}

func TestARefusalNamesWhatIsMissing(t *testing.T) {
	for _, tc := range []struct{ message, account, constraint string }{
		{
			"Permission 'iam.serviceaccounts.actAs' denied on service account 1-compute@developer.gserviceaccount.com (or it " +
				"may not exist).",
			"1-compute@developer.gserviceaccount.com", "",
		},
		{"Permission 'run.services.update' denied on resource 'x'.", "", ""},
		{"Constraint constraints/iap.requireGlobalIapWebDisabled violated.", "", "iap.requireGlobalIapWebDisabled"},
		{"Operation denied by org policy: [constraints/custom.requireX]: no.", "", "custom.requireX"},
		{
			"One or more users named in the policy do not belong to a permitted customer.", "",
			"iam.allowedPolicyMemberDomains",
		},
		{`No.","details":[{"violations":[{"type":"constraints/iam.managed.allowedPolicyMembers"}]},{"reason":"X"}],"x":"`, "",
			"iam.managed.allowedPolicyMembers"},
	} {
		got := fault.Of(Classify(answer(t, 403, `{"error":{"code":403,"message":"`+tc.message+`"}}`)))
		if got.Account != tc.account || got.Constraint != tc.constraint {
			t.Errorf("%s: account %q constraint %q, want %q %q",
				tc.message, got.Account, got.Constraint, tc.account, tc.constraint)
		}
	}
}

func TestAFailureWithoutAnAnswerIsClassified(t *testing.T) {
	clock := clockwork.NewFakeClock()
	ended, cancel := timeout.With(t.Context(), clock, time.Second, "the API")
	defer cancel()
	clock.Advance(time.Second)
	<-ended.Done()
	for _, tc := range []struct {
		err  error
		want fault.Kind
	}{
		{errors.New("connection reset by peer"), fault.Unavailable},
		{fmt.Errorf("calling: %w", context.DeadlineExceeded), fault.Canceled},
		{fmt.Errorf("calling: %w", context.Cause(ended)), fault.Canceled},
		{fmt.Errorf("calling: %w", ended.Err()), fault.Canceled},
		{fault.New(fault.Conflict, "already classified"), fault.Conflict},
	} {
		if got := fault.Of(Classify(tc.err)).Kind; got != tc.want {
			t.Errorf("Classify(%v) = %s, want %s", tc.err, got, tc.want)
		}
	}
	if Classify(nil) != nil {
		t.Error("Classify(nil) is an error")
	}
}

func TestCredentialsNeverTravelInClear(t *testing.T) {
	for _, tc := range []struct{ endpoint, want string }{
		{"https://run.example.com", ""},
		{"http://127.0.0.1:9090", ""},
		{"http://[::1]:9090", ""},
		{"http://localhost:9090/", ""},
		{"http://example.com", "write https"},
		{"http://127.0.0.1.example.com", "write https"},
		{"ftp://127.0.0.1", "is not known"},
		{"127.0.0.1:9090", "not a valid base URL"},
		{"https://user:secret@example.com", "not a valid base URL"},
		{"https://example.com/?a=b", "not a valid base URL"},
	} {
		err := Config{Endpoint: tc.endpoint}.Check()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("endpoint %q: error %v, want one with %q", tc.endpoint, err, tc.want)
		}
		if _, err := (Config{Endpoints: map[API]string{Run: tc.endpoint}}).Options(t.Context(),
			Run); tc.want != "" && err == nil {
			t.Errorf("a client is made for %q", tc.endpoint)
		}
	}
}

func TestALocalEndpointLearnsTheCaller(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	for _, self := range []string{"", "a@b.iam.gserviceaccount.com"} {
		client := http.Client{Transport: &localCaller{base: countingTransport, self: self}}
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	if want := []string{"", "Bearer serviceAccount:a@b.iam.gserviceaccount.com"}; strings.Join(got,
		"|") != strings.Join(want, "|") {
		t.Errorf("callers %q, want %q", got, want)
	}
}

func TestAKnownPermissionIsNamedWhereTheAPINamesNone(t *testing.T) {
	for _, tc := range []struct {
		name, body, want string
		code             int
	}{
		{
			"nothing is named",
			`{"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}`, "a.b.c",
			403,
		},
		{"another one is named", `{"error":{"code":403,"message":"Permission 'x.y.z' denied"}}`, "x.y.z", 403},
		{"not a matter of permission", `{"error":{"code":503,"message":"try later"}}`, "", 503},
	} {
		if got := fault.Of(Needing("a.b.c", answer(t, tc.code, tc.body))).Permission; got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
	if err := Needing("a.b.c", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestARetryAfterIsReadInBothForms(t *testing.T) {
	const date = "Mon, 30 Nov 2026 00:00:00 GMT"
	for name, tc := range map[string]struct {
		after, date string
		want        time.Duration
	}{
		"none":                {"", date, 0},
		"seconds":             {"17", "", 17 * time.Second},
		"a time":              {"Mon, 30 Nov 2026 00:01:00 GMT", date, time.Minute},
		"a time that is over": {"Sun, 29 Nov 2026 00:01:00 GMT", date, 0},
		"a time without date": {"Mon, 30 Nov 2026 00:01:00 GMT", "", 0},
		"negative":            {"-5", date, 0},
		"not a number":        {"soon", date, 0},
	} {
		t.Run(name, func(t *testing.T) {
			refused := &googleapi.Error{Code: http.StatusServiceUnavailable, Header: http.Header{}}
			refused.Header.Set("Retry-After", tc.after)
			refused.Header.Set("Date", tc.date)
			if got := fault.Of(Classify(refused)).RetryAfter; got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}
