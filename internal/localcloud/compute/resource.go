package compute

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/store"
)

// resource is one version of a resource. Its identity stands beside what was
// configured, so that a write can replace all of the latter and nothing of the
// former. Once it is kept it never changes: who reads it needs no lock.
type resource struct {
	kind *kind
	place
	name    string
	id      string
	created time.Time
	body    map[string]any

	// What follows is filled in when the version is kept.
	full        string // path
	contentHash string // fingerprint
	labelsHash  string // labelFingerprint
	derived     *derived
	encoded     *encoded
}

// derived is what a reader made of a version, once.
type derived struct {
	once  sync.Once
	value any
}

// encoded is what text keeps of a version.
type encoded struct {
	once sync.Once
	text []byte
}

// path is the resource's name: projects/P/global/backendServices/N.
func (r *resource) path() string {
	if r.full != "" {
		return r.full
	}
	return r.place.path(r.kind, r.name)
}

// complete fills in what is computed once for a version.
func (r *resource) complete() {
	r.full, r.derived, r.encoded = r.path(), &derived{}, &encoded{}
	if r.kind.has("fingerprint") {
		r.contentHash = contentHash(r)
	}
	if r.kind.has("labelFingerprint") {
		r.labelsHash = labelsHash(r)
	}
}

// keysOf places a resource in its collection, by project, scope and name, and lists what
// it is found by.
func keysOf(r *resource) store.Keys {
	keys := store.Keys{Path: r.path(), List: r.kind.collection, Order: r.order(r.name),
		References: []string{idKey(r.kind, r.place, r.id)}}
	add := func(reference string) { keys.References = append(keys.References, reference) }
	for _, path := range r.kind.references {
		// What is kept was checked: every reference is a link.
		_ = eachReference(r.body, path, func(_, value string) (string, error) {
			add(strings.TrimPrefix(value, base))
			return value, nil
		})
	}
	switch r.kind.collection {
	case "addresses":
		add(addressKey(r.body["address"]))
	case "forwardingRules":
		add(addressKey(r.body["IPAddress"]))
		add(frontendKey(r.body["IPAddress"], r.body["portRange"]))
	case "urlMaps":
		for _, entry := range apiserver.List(r.body, "hostRules") {
			rule, _ := entry.(map[string]any)
			for _, host := range apiserver.List(rule, "hosts") {
				add(hostKey(fmt.Sprint(host)))
			}
		}
	case "sslCertificates":
		for _, host := range apiserver.List(r.body, "subjectAlternativeNames") {
			add(hostKey(fmt.Sprint(host)))
		}
	}
	return keys
}

// The keys by which resources are found otherwise than by their paths. No path
// begins like one.

func idKey(k *kind, in place, id string) string { return "id/" + k.collection + "/" + in.order(id) }

// addressKey is the same for every way of writing an IP address.
func addressKey(address any) string {
	text := fmt.Sprint(address)
	if ip, err := netip.ParseAddr(text); err == nil {
		text = ip.Unmap().String()
	}
	return "address/" + text
}

func frontendKey(address, ports any) string { return fmt.Sprintf("frontend/%v/%v", address, ports) }

// hostKey is that of a host or a pattern of hosts, without a port.
func hostKey(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	return "host/" + host
}

// shown is what was configured, beside the resource's identity. What lies
// inside of it is shared and must not be changed.
func (r *resource) shown() map[string]any {
	body := make(map[string]any, len(r.body)+12)
	maps.Copy(body, r.body)
	body["kind"] = "compute#" + r.kind.singular
	body["id"] = r.id
	body["name"] = r.name
	body["creationTimestamp"] = pacific(r.created)
	body["selfLink"] = link(r.path())
	if r.region() != "" {
		body["region"] = link(r.place.name())
	}
	return body
}

// fixed is what clients of v1 see of a version, without what depends on others. What
// lies inside of it is shared and must not be changed.
func (r *resource) fixed() map[string]any {
	body := r.shown()
	if r.contentHash != "" {
		body["fingerprint"] = r.contentHash
	}
	if r.labelsHash != "" {
		body["labelFingerprint"] = r.labelsHash
	}
	return body
}

// view is the resource as a client of one API version sees it. What lies inside
// of it is shared and must not be changed.
func (a *API) view(r *resource, version string) map[string]any {
	body := r.fixed()
	if r.kind.view != nil {
		r.kind.view(a, r, body)
	}
	return inVersion(body, version)
}

// text is fixed as JSON. It is encoded once for each version.
func (r *resource) text() []byte {
	// Texts, numbers, lists and objects always encode.
	r.encoded.once.Do(func() { r.encoded.text, _ = json.Marshal(r.fixed()) })
	return r.encoded.text
}

// appendText appends the resource as JSON, as clients of v1 see it.
func (a *API) appendText(text []byte, r *resource) []byte {
	text = append(text, r.text()...)
	if r.kind.view == nil {
		return text
	}
	computed := map[string]any{}
	if r.kind.view(a, r, computed); len(computed) == 0 {
		return text
	}
	more, _ := json.Marshal(computed)
	text[len(text)-1] = ','
	return append(text, more[1:]...)
}
