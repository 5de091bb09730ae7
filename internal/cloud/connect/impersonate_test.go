package connect

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	resourcemanager "google.golang.org/api/cloudresourcemanager/v1"

	"github.com/iapguard/iapguard/internal/fault"
)

const (
	own    = "iapguard@demo-project.iam.gserviceaccount.com"
	writer = "writer@demo-project.iam.gserviceaccount.com"
)

// credentials answers as the IAM Credentials API and as Resource Manager, and
// keeps who asked for what.
type credentials struct {
	lifetime time.Duration
	refuse   string // what the former answers instead, with its status
	status   int
	asked    []string
	// unauthenticated is how many calls of Resource Manager get a 401.
	unauthenticated int
}

func (c *credentials) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.asked = append(c.asked, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+" "+r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set(callerHeader, "somebody@else.example.com") // no server's to say
	if !strings.HasSuffix(r.URL.Path, ":generateAccessToken") {
		if c.unauthenticated > 0 {
			c.unauthenticated--
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"error":{"code":403,"message":"no"}}`)
		return
	}
	if c.refuse != "" {
		w.WriteHeader(c.status)
		fmt.Fprint(w, c.refuse)
		return
	}
	fmt.Fprintf(w, `{"accessToken":"impersonated","expireTime":%q}`, time.Now().Add(c.lifetime).UTC().Format(time.RFC3339))
}

// reads makes a call of Resource Manager that is refused, and gives its error.
func reads(t *testing.T, config Config, as ...string) *fault.Error {
	t.Helper()
	options, err := config.Options(t.Context(), ResourceManager)
	if err != nil {
		t.Fatal(err)
	}
	api, err := resourcemanager.NewService(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, account := range as {
		ctx = As(ctx, account)
	}
	_, err = api.Projects.Get("demo-project").Context(ctx).Do()
	if err == nil {
		t.Fatal("it was not refused")
	}
	return fault.Of(Classify(err))
}

func impersonating(url string) Config {
	config := Config{Endpoint: url, Self: own}
	config.Impersonator = NewImpersonator(config)
	return config
}

const (
	asksAsSelf   = "serviceAccount:" + own + " /v1/projects/demo-project"
	asksAsWriter = "impersonated /v1/projects/demo-project"
	issues       = "serviceAccount:" + own + " /v1/projects/-/serviceAccounts/" + writer + ":generateAccessToken"
)

func TestACallIsMadeInTheNameThatItsContextSays(t *testing.T) {
	for _, tc := range []struct {
		name     string
		as       []string
		lifetime time.Duration
		calls    int
		want     []string
		caller   string
	}{
		{"in our own", nil, time.Hour, 1, []string{asksAsSelf}, ""},
		{
			"in a writer's, whose token is kept", []string{writer}, time.Hour, 2,
			[]string{issues, asksAsWriter, asksAsWriter}, writer,
		},
		{
			"in a writer's, whose token has run out", []string{writer}, time.Second, 2,
			[]string{issues, asksAsWriter, issues, asksAsWriter}, writer,
		},
		{"in our own again", []string{writer, ""}, time.Hour, 1, []string{asksAsSelf}, ""},
	} {
		google := &credentials{lifetime: tc.lifetime}
		server := httptest.NewServer(google)
		config := impersonating(server.URL)
		for range tc.calls {
			if got := reads(t, config, tc.as...).Caller; got != tc.caller {
				t.Errorf("%s: the refused caller is %q, want %q", tc.name, got, tc.caller)
			}
		}
		server.Close()
		if diff := cmp.Diff(tc.want, google.asked); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestARefusedImpersonationSaysWhatToDo(t *testing.T) {
	const grant = "gcloud iam service-accounts add-iam-policy-binding " + writer + " --member=serviceAccount:" + own +
		" --role=roles/iam.serviceAccountTokenCreator"
	for _, tc := range []struct {
		name, answer string
		status       int
		want         fault.Error
	}{
		{"not ours to impersonate",
			`{"error":{"code":403,"message":"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."}}`, 403,
			fault.Error{Kind: fault.Denied, Permission: canImpersonate, Account: writer, Remedy: grant}},
		{"no such account", `{"error":{"code":404,"message":"Not found; Gaia id not found for email x"}}`, 404,
			fault.Error{Kind: fault.Invalid,
				Remedy: "there is no account " + writer + ": create it, or name the right one for its folder in IAPGUARD_WRITERS"}},
		{"the API is off",
			`{"error":{"code":403,"message":"off","details":[{"reason":"SERVICE_DISABLED","metadata":{"service":"iamcredentials.googleapis.com"}}]}}`, 403,
			fault.Error{Kind: fault.APIDisabled,
				Remedy: "gcloud services enable iamcredentials.googleapis.com --project=demo-project"}},
		{"for a moment", `{"error":{"code":503,"message":"later"}}`, 503, fault.Error{Kind: fault.Unavailable}},
	} {
		server := httptest.NewServer(&credentials{refuse: tc.answer, status: tc.status})
		got := *reads(t, impersonating(server.URL), writer)
		server.Close()
		got.Err = nil
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestALocalCloudNeverGetsATokenOfGoogles(t *testing.T) {
	local := &credentials{}
	server := httptest.NewServer(local)
	defer server.Close()
	config := Config{Endpoints: map[API]string{ResourceManager: server.URL}, Self: own} // IAM Credentials is Google's own
	config.Impersonator = NewImpersonator(config)
	reads(t, config, writer)
	if diff := cmp.Diff([]string{"serviceAccount:" + writer + " /v1/projects/demo-project"}, local.asked); diff != "" {
		t.Errorf("the local cloud was asked (-want +got):\n%s", diff)
	}
}

func TestWithoutAnImpersonatorNoOtherNameIsUsed(t *testing.T) {
	google := &credentials{}
	server := httptest.NewServer(google)
	defer server.Close()
	if got := reads(t, Config{Endpoint: server.URL, Self: own}, writer); got.Kind != fault.Invalid ||
		len(google.asked) > 0 {
		t.Errorf("%s after %d calls, want it refused here", got.Kind, len(google.asked))
	}
	if accountOf(context.Background()) != "" {
		t.Error("calls are in another name, which no context asked for")
	}
}
