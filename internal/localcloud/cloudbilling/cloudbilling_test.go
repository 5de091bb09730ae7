package cloudbilling_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cloudbilling "google.golang.org/api/cloudbilling/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	api "github.com/iapguard/iapguard/internal/localcloud/cloudbilling"
	"github.com/iapguard/iapguard/internal/localcloud/discovery"
)

// stranger calls as somebody without roles.
type stranger struct{}

func (stranger) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer user:stranger@example.com")
	return http.DefaultTransport.RoundTrip(r)
}

func TestAnAccountPaysForTheProjectUntilNoneDoes(t *testing.T) {
	var logged []apiserver.AuditRecord
	s := apiserver.New(apiserver.Options{Observe: discovery.Judge(t).Observe, Clock: time.Now,
		Audit: func(r apiserver.AuditRecord) { logged = append(logged, r) }})
	t.Cleanup(s.Close)
	s.Serve(api.New(s))
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client := func(transport http.RoundTripper) *cloudbilling.APIService {
		c, err := cloudbilling.NewService(t.Context(), option.WithEndpoint(server.URL),
			option.WithHTTPClient(&http.Client{Transport: transport}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := client(http.DefaultTransport)
	if _, err := c.Projects.UpdateBillingInfo("projects/demo-project", &cloudbilling.ProjectBillingInfo{
		BillingAccountName: "billingAccounts/012345-6789AB-CDEF01"}).Do(); err != nil {
		t.Errorf("linking the account before anybody asked which there are: %v", err)
	}
	logged = nil
	accounts, err := c.BillingAccounts.List().Do()
	if err != nil || len(accounts.BillingAccounts) != 1 || !accounts.BillingAccounts[0].Open {
		t.Fatalf("accounts: %+v, %v", accounts, err)
	}
	account := accounts.BillingAccounts[0].Name
	if found, err := c.BillingAccounts.Get(account).Do(); err != nil || found.CurrencyCode != "USD" {
		t.Errorf("the account: %+v, %v", found, err)
	}
	paid := func(by *cloudbilling.APIService, project, want string) {
		t.Helper()
		info, err := by.Projects.GetBillingInfo(project).Do()
		if err != nil || info.BillingAccountName != want || info.BillingEnabled != (want != "") ||
			info.Name != "projects/demo-project/billingInfo" || info.ProjectId != "demo-project" {
			t.Errorf("paid by %+v, %v, want %q", info, err, want)
		}
	}
	update := func(by *cloudbilling.APIService, project, name string) error {
		_, err := by.Projects.UpdateBillingInfo(project, &cloudbilling.ProjectBillingInfo{BillingAccountName: name,
			ForceSendFields: []string{"BillingAccountName"}}).Do()
		return err
	}
	paid(c, "projects/123456789012", account)
	if err := update(c, "projects/demo-project", ""); err != nil {
		t.Error(err)
	}
	paid(c, "projects/demo-project", "")
	if err := update(c, "projects/demo-project", account); err != nil {
		t.Error(err)
	}
	paid(c, "projects/demo-project", account)
	_, unread := client(stranger{}).Projects.GetBillingInfo("projects/demo-project").Do()
	for name, err := range map[string]error{
		"an account that does not exist": update(c, "projects/demo-project", "billingAccounts/1"),
		"another project":                update(c, "projects/other-project", account),
		"without the permission":         update(client(stranger{}), "projects/demo-project", ""),
		"reading without the permission": unread,
	} {
		var refused *googleapi.Error
		if !errors.As(err, &refused) || refused.Code != http.StatusForbidden {
			t.Errorf("%s: %v, want a 403", name, err)
		}
	}
	paid(c, "projects/demo-project", account)
	if len(logged) != 5 || logged[0].ResourceName != "projects/demo-project/billingInfo" {
		t.Errorf("logged %+v, want two updates and three refusals", logged)
	}
}
