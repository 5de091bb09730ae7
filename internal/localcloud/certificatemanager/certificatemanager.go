// Package certificatemanager is the local cloud's Certificate Manager API (v1):
// certificates, DNS authorizations, and certificate maps with their entries.
package certificatemanager

import (
	"regexp"
	"slices"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const (
	prefix = "certificatemanager.projects.locations."
	docs   = "cloud.google.com/certificate-manager/docs/access-control"
	// service begins the names under which other APIs know the resources.
	service = "//certificatemanager.googleapis.com/"
)

// id is the grammar of all ids. Source: certificate-manager/docs/reference/certificate-manager/rest.
var id = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// api holds the collections that refer to each other.
type api struct{ maps, entries, certificates, authorizations *collection.Collection }

// New returns the API. Its operations are read where Cloud Run's are, because both APIs
// have the same path for them.
func New(s *apiserver.Server) apiserver.API {
	a := &api{}
	a.authorizations = collection.New(s, row("dnsAuthorizations", "DnsAuthorization", "dnsauthorizations", a.authorization))
	a.maps = collection.New(s, row("certificateMaps", "CertificateMap", "certmaps", a.certificateMap))
	certificates := row("certificates", "Certificate", "certs", a.certificate)
	certificates.View = a.usedBy
	a.certificates = collection.New(s, certificates)
	entries := row("certificateMaps.certificateMapEntries", "CertificateMapEntry", "certmapentries", a.entry)
	entries.Within = a.maps
	a.entries = collection.New(s, entries)
	return collection.Merged("certificatemanager", a.maps, a.entries, a.certificates, a.authorizations)
}

// row is what the kinds have in common. The audit method names are unverified.
func row(name, message, permissions string, prepare func(*collection.Write) error) collection.Kind {
	const audited = "google.cloud.certificatemanager.v1.CertificateManager."
	return collection.Kind{
		Documents: []string{"certificatemanager/v1"}, Collections: []string{prefix + name}, Message: message,
		Permissions: "certificatemanager." + permissions, Source: docs,
		Audit: map[string]string{"create": audited + "Create" + message, "patch": audited + "Update" + message,
			"delete": audited + "Delete" + message},
		ID: id, Location: collection.RegionalOrGlobal,
		Fixed:   []string{"domain", "type", "scope", "managed", "managedIdentity", "hostname", "matcher", "tags"},
		Prepare: prepare, Answer: collection.LongRunning("google.cloud.certificatemanager.v1"),
	}
}

// authorization completes a DNS authorization with the record that proves the domain.
// Source: certificate-manager/docs/dns-authorizations.
func (a *api) authorization(w *collection.Write) error {
	if w.New == nil {
		for _, certificate := range a.certificates.All("") {
			managed := apiserver.Object(certificate.Body, "managed")
			if slices.ContainsFunc(apiserver.List(managed, "dnsAuthorizations"), is(w.Old.Name)) {
				return inUse(w.Old.Name, certificate.Name)
			}
		}
		return nil
	}
	domain := apiserver.Text(w.New.Body, "domain")
	if !domainName.MatchString(domain) {
		return apiserver.Invalid("The request was invalid: invalid value for dns_authorization.domain: %q", domain)
	}
	if w.Old == nil {
		w.New.Body["dnsResourceRecord"] = map[string]any{"name": "_acme-challenge." + domain + ".", "type": "CNAME",
			"data": apiserver.NewUUID() + ".0.authorize.certificatemanager.goog."}
	}
	if apiserver.Text(w.New.Body, "type") == "" {
		w.New.Body["type"] = "FIXED_RECORD"
	}
	return nil
}

var domainName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)

// certificateMap refuses to delete a map that has entries. That Google does is
// unverified.
func (a *api) certificateMap(w *collection.Write) error {
	if w.New != nil {
		return nil
	}
	if left := a.entries.All(w.Old.Name + "/certificateMapEntries"); len(left) > 0 {
		return inUse(w.Old.Name, left[0].Name)
	}
	return nil
}

// entry checks that an entry says for which hosts it is, and names certificates that
// exist. Its kind is a union of hostname and matcher in the discovery document.
func (a *api) entry(w *collection.Write) error {
	if w.New == nil {
		return nil
	}
	body := w.New.Body
	host, matcher := apiserver.Text(body, "hostname"), apiserver.Text(body, "matcher")
	switch {
	case (host == "") == (matcher == ""):
		return apiserver.Invalid("The request was invalid: certificate_map_entry must have exactly one of hostname and matcher")
	case host != "" && !domainName.MatchString(strings.TrimPrefix(host, "*.")):
		return apiserver.Invalid("The request was invalid: invalid value for certificate_map_entry.hostname: %q", host)
	}
	if err := exist(body, "certificates", a.certificates); err != nil {
		return err
	}
	for _, other := range a.entries.All(w.New.Name[:strings.LastIndexByte(w.New.Name, '/')]) {
		if other.Name != w.New.Name && apiserver.Text(other.Body, "hostname") == host &&
			apiserver.Text(other.Body, "matcher") == matcher {
			return apiserver.AlreadyExists("Certificate Map Entry '%s' is for the same hosts", other.Name)
		}
	}
	body["state"] = "ACTIVE"
	return nil
}

// usedBy names the map entries that present a certificate.
func (a *api) usedBy(certificate collection.Resource, shown map[string]any) {
	var users []any
	for _, entry := range a.entries.All("") {
		if slices.ContainsFunc(apiserver.List(entry.Body, "certificates"), is(certificate.Name)) {
			users = append(users, map[string]any{"name": service + entry.Name})
		}
	}
	if users != nil {
		shown["usedBy"] = users
	}
}

// is returns what finds a resource among the names that another one has.
func is(name string) func(any) bool {
	return func(value any) bool { return value == name }
}

// exist writes the names that a field has in their full form, and refuses one of
// nothing.
func exist(body map[string]any, field string, in *collection.Collection) error {
	names := apiserver.List(body, field)
	for i, each := range names {
		text, _ := each.(string)
		name := in.Server().ByID(strings.TrimPrefix(text, service))
		if _, ok := in.Get(name); !ok {
			return apiserver.NotFound("Resource '%s' was not found", name)
		}
		names[i] = name
	}
	return nil
}

// inUse refuses to delete what another resource names. The words are unverified.
func inUse(name, by string) error {
	return apiserver.Precondition("can't delete '%s': it is referenced by '%s'", name, by)
}
