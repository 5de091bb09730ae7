package certificatemanager_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	client "google.golang.org/api/certificatemanager/v1"
	"google.golang.org/api/option"

	"github.com/iapguard/iapguard/internal/localcloud"
	"github.com/iapguard/iapguard/internal/localcloud/clienttest"
	"github.com/iapguard/iapguard/internal/localcloud/logging"
	"github.com/iapguard/iapguard/internal/localcloud/resourcemanager"
)

const (
	location = "projects/demo-project/locations/global"
	viewer   = "user:viewer@example.com"
)

type cloud struct {
	*client.ProjectsLocationsService
	t    *testing.T
	logs *logging.Router
}

func start(t *testing.T) (owner, reader cloud) {
	t.Helper()
	c := clienttest.Start(t, localcloud.Options{
		Grants: []resourcemanager.Grant{{Role: "roles/certificatemanager.viewer", Member: viewer}}})
	as := func(member string) cloud {
		service, err := client.NewService(t.Context(), option.WithEndpoint(c.URL), option.WithHTTPClient(c.As(member)))
		if err != nil {
			t.Fatal(err)
		}
		return cloud{service.Projects.Locations, t, c.Logs()}
	}
	return as(""), as(viewer)
}

// done waits for an operation.
func (c cloud) done(operation *client.Operation, err error) {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); err == nil && !operation.Done; {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s does not end", operation.Name)
		}
		operation, err = c.Operations.Get(operation.Name).Do()
	}
	if err != nil || operation.Error != nil {
		c.t.Fatalf("%+v, %v", operation, err)
	}
}

// pair is a certificate for a host, and its key.
func pair(t *testing.T, host string) (certificate, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotAfter: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}))
}

func TestAMapPresentsItsEntriesCertificates(t *testing.T) {
	c, _ := start(t)
	c.done(c.DnsAuthorizations.Create(location, &client.DnsAuthorization{Domain: "shop.example.com"}).
		DnsAuthorizationId("shop").Do())
	authorization, err := c.DnsAuthorizations.Get(location + "/dnsAuthorizations/shop").Do()
	if err != nil || authorization.DnsResourceRecord.Type != "CNAME" ||
		authorization.DnsResourceRecord.Name != "_acme-challenge.shop.example.com." {
		t.Errorf("authorization: %+v, %v", authorization, err)
	}
	c.done(c.Certificates.Create(location, &client.Certificate{Managed: &client.ManagedCertificate{
		Domains: []string{"shop.example.com"}, DnsAuthorizations: []string{authorization.Name},
	}}).CertificateId("managed").Do())
	text, key := pair(t, "own.example.com")
	c.done(c.Certificates.Create(location, &client.Certificate{SelfManaged: &client.SelfManagedCertificate{
		PemCertificate: text, PemPrivateKey: key}}).CertificateId("own").Do())
	c.done(c.CertificateMaps.Create(location, &client.CertificateMap{}).CertificateMapId("web").Do())
	web := location + "/certificateMaps/web"
	c.done(c.CertificateMaps.CertificateMapEntries.Create(web, &client.CertificateMapEntry{Matcher: "PRIMARY",
		Certificates: []string{"//certificatemanager.googleapis.com/projects/123456789012/locations/global/certificates/own"},
	}).CertificateMapEntryId("primary").Do())

	list, err := c.Certificates.List(location).Do()
	if err != nil || len(list.Certificates) != 2 {
		t.Fatalf("certificates: %+v, %v", list, err)
	}
	managed, own := list.Certificates[0], list.Certificates[1]
	if managed.Managed.State != "ACTIVE" || managed.SanDnsnames[0] != "shop.example.com" || managed.UsedBy != nil {
		t.Errorf("managed: %+v", managed)
	}
	if own.ExpireTime != "2030-01-02T03:04:05.000000Z" || own.SanDnsnames[0] != "own.example.com" ||
		own.PemCertificate != text || own.SelfManaged.PemPrivateKey != "" {
		t.Errorf("own: %+v", own)
	}
	used := []*client.UsedBy{{Name: "//certificatemanager.googleapis.com/" + web + "/certificateMapEntries/primary"}}
	if diff := cmp.Diff(used, own.UsedBy); diff != "" {
		t.Errorf("used by (-want +got):\n%s", diff)
	}
	c.done(c.Certificates.Patch(own.Name, &client.Certificate{Description: "ours"}).UpdateMask("description").Do())
	for name, refused := range map[string]func() error{
		"a certificate in use": func() error { _, err := c.Certificates.Delete(own.Name).Do(); return err },
		"an authorization in use": func() error {
			_, err := c.DnsAuthorizations.Delete(authorization.Name).Do()
			return err
		},
		"a map with entries": func() error { _, err := c.CertificateMaps.Delete(web).Do(); return err },
	} {
		if err := refused(); clienttest.Code(err) != http.StatusBadRequest {
			t.Errorf("deleting %s: %v, want a 400", name, err)
		}
	}
	c.done(c.CertificateMaps.CertificateMapEntries.Delete(web + "/certificateMapEntries/primary").Do())
	c.done(c.CertificateMaps.Delete(web).Do())
	c.done(c.Certificates.Delete(own.Name).Do())
	filter, err := logging.ParseFilter("")
	if err != nil {
		t.Fatal(err)
	}
	entries := c.logs.Entries(filter)
	for _, entry := range entries {
		if strings.Contains(string(entry), "PRIVATE KEY") {
			t.Errorf("a key is in the log: %s", entry)
		}
	}
	if len(entries) < 9 {
		t.Errorf("%d entries in the log, want one for each write", len(entries))
	}
}

func TestBadCertificatesAreRefused(t *testing.T) {
	c, reader := start(t)
	text, _ := pair(t, "a.example.com")
	_, otherKey := pair(t, "a.example.com")
	c.done(c.CertificateMaps.Create(location, &client.CertificateMap{}).CertificateMapId("web").Do())
	create := func(by cloud, certificate *client.Certificate) error {
		_, err := by.Certificates.Create(location, certificate).CertificateId("a").Do()
		return err
	}
	entry := func(entry *client.CertificateMapEntry) error {
		_, err := c.CertificateMaps.CertificateMapEntries.Create(location+"/certificateMaps/web", entry).
			CertificateMapEntryId("a").Do()
		return err
	}
	managed := &client.Certificate{Managed: &client.ManagedCertificate{Domains: []string{"a.example.com"}}}
	missing := &client.Certificate{Managed: &client.ManagedCertificate{Domains: []string{"a.example.com"},
		DnsAuthorizations: []string{location + "/dnsAuthorizations/none"}}}
	for _, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", create(c, &client.Certificate{}), 400},
		{"no domains", create(c, &client.Certificate{Managed: &client.ManagedCertificate{}}), 400},
		{"a missing authorization", create(c, missing), 404},
		{"another certificate's key", create(c, &client.Certificate{SelfManaged: &client.SelfManagedCertificate{
			PemCertificate: text, PemPrivateKey: otherKey}}), 400},
		{"text", create(c, &client.Certificate{SelfManaged: &client.SelfManagedCertificate{
			PemCertificate: "a", PemPrivateKey: "b"}}), 400},
		{"a viewer", create(reader, managed), 403},
		{"an entry without hosts", entry(&client.CertificateMapEntry{}), 400},
		{"an entry for a path", entry(&client.CertificateMapEntry{Hostname: "a.example.com/b"}), 400},
		{"a missing certificate", entry(&client.CertificateMapEntry{Hostname: "a.example.com",
			Certificates: []string{location + "/certificates/none"}}), 404},
	} {
		if clienttest.Code(tc.err) != tc.want {
			t.Errorf("%s: %v, want a %d", tc.name, tc.err, tc.want)
		}
	}
	if err := create(reader, managed); !strings.Contains(err.Error(), "certificatemanager.certs.create") {
		t.Errorf("the refusal does not name the permission: %v", err)
	}
	if list, err := reader.Certificates.List(location).Do(); err != nil || len(list.Certificates) != 0 {
		t.Errorf("after that: %+v, %v; want no certificate", list, err)
	}
}
