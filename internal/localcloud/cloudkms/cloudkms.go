// Package cloudkms is the local cloud's Cloud KMS API (v1): key rings, keys that sign, and
// their versions. Private keys are made here, kept in memory, and shown nowhere.
package cloudkms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

type object = map[string]any

const (
	docs    = "cloud.google.com/kms/docs/reference/permissions-and-roles"
	rings   = "cloudkms.projects.locations.keyRings"
	keys    = rings + ".cryptoKeys"
	signing = "ASYMMETRIC_SIGN"
	// audited begins the names of methods in the audit log.
	audited = "google.cloud.kms.v1.KeyManagementService."
	// setPolicy is the method's name by google.iam.v1; some entries have its last word alone.
	setPolicy = "google.iam.v1.IAMPolicy.SetIamPolicy"
)

// id is the grammar of all ids. Source: kms/docs/reference/rest/v1/projects.locations.keyRings/create.
var id = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,63}$`)

// curve is what an algorithm signs with: the field of the digest, and its length.
type curve struct {
	elliptic.Curve
	digest string
	bytes  int
}

// curves are the algorithms that are served. Source: kms/docs/algorithms.
var curves = map[string]curve{
	"EC_SIGN_P256_SHA256": {elliptic.P256(), "sha256", 32}, "EC_SIGN_P384_SHA384": {elliptic.P384(), "sha384", 48},
}

// api holds the collections that refer to each other.
type api struct{ rings, keys, versions *collection.Collection }

// New returns the API.
func New(s *apiserver.Server) apiserver.API {
	a := &api{}
	words := func(what string) collection.Words {
		return collection.Words{NotFound: what + " {name} not found.", Exists: what + " {name} already exists."}
	}
	a.rings = collection.New(s, collection.Kind{
		Documents: []string{"cloudkms/v1"}, Collections: []string{rings}, Message: "KeyRing",
		Permissions: "cloudkms.keyRings", Verbs: map[string]string{"testIamPermissions": ""}, Source: docs,
		Audit: map[string]string{"create": audited + "CreateKeyRing", "setIamPolicy": setPolicy},
		ID:    id, Words: words("KeyRing"), Unserved: []string{"delete"},
	})
	a.keys = collection.New(s, collection.Kind{
		Documents: []string{"cloudkms/v1"}, Collections: []string{keys}, Message: "CryptoKey",
		Permissions: "cloudkms.cryptoKeys", Verbs: map[string]string{"testIamPermissions": ""}, Source: docs,
		Audit: map[string]string{"create": audited + "CreateCryptoKey", "patch": audited + "UpdateCryptoKey",
			"setIamPolicy": setPolicy},
		ID: id, Words: words("CryptoKey"), Within: a.rings, Unserved: []string{"delete"},
		Defaults: object{"destroyScheduledDuration": "2592000s"}, Prepare: prepare, Changed: a.made,
	})
	a.versions = collection.New(s, collection.Kind{
		Documents: []string{"cloudkms/v1"}, Collections: []string{keys + ".cryptoKeyVersions"}, Message: "CryptoKeyVersion",
		Permissions: "cloudkms.cryptoKeyVersions", Source: docs,
		Verbs: map[string]string{"asymmetricSign": "cloudkms.cryptoKeyVersions.useToSign",
			"getPublicKey": "cloudkms.cryptoKeyVersions.viewPublicKey"},
		Audit: map[string]string{"create": audited + "CreateCryptoKeyVersion", "patch": audited + "UpdateCryptoKeyVersion",
			"destroy": audited + "DestroyCryptoKeyVersion"},
		Words: words("CryptoKeyVersion"), Within: a.keys, Unserved: []string{"delete"},
		// The path of a public key goes on behind the version's name.
		Rename: func(_ *apiserver.Call, path string) string {
			return strings.TrimSuffix(path, "/publicKey")
		},
		Actions: map[string]collection.Action{
			"asymmetricSign": {Do: sign}, "getPublicKey": {Do: publicKey}, "destroy": {Writes: true, Do: destroy}, "create": {Writes: true, Do: a.createVersion},
		},
	})
	return collection.Merged("cloudkms", a.rings, a.keys, a.versions)
}

// prepare refuses keys that are not for signing here.
func prepare(w *collection.Write) error {
	if w.New == nil || w.Old != nil {
		return nil
	}
	template := apiserver.Object(w.New.Body, "versionTemplate")
	switch algorithm := apiserver.Text(template, "algorithm"); {
	case apiserver.Text(w.New.Body, "purpose") != signing:
		return apiserver.Invalid("Only keys of the purpose %s are served here.", signing)
	case curves[algorithm].Curve == nil:
		return apiserver.Invalid("The algorithm %s is not served here, or not valid for the purpose %s.", algorithm, signing)
	case apiserver.Text(template, "protectionLevel") == "":
		template["protectionLevel"] = "SOFTWARE"
	}
	return nil
}

// made makes the first version of a new key, unless the client wants none.
func (a *api) made(w *collection.Write) {
	if w.New == nil || w.Old != nil || w.Call.Query("skipInitialVersionCreation") == "true" {
		return
	}
	a.addVersion(*w.New, w.At)
}

// createVersion makes the next version of a key.
func (a *api) createVersion(versions *collection.Collection, call *apiserver.Call) (any, error) {
	name := strings.TrimSuffix(call.Resource, "/cryptoKeyVersions")
	key, ok := a.keys.Get(name)
	if !ok {
		return nil, apiserver.NotFound("CryptoKey %s not found.", name)
	}
	made := a.addVersion(key, versions.Server().Stamp())
	call.Record.ResourceName = made.Name
	return versions.ShownTo(call, made), nil
}

// addVersion keeps the next version of a key, which is ready at once. Numbers are not used twice:
// no version is ever gone.
func (a *api) addVersion(key collection.Resource, at time.Time) collection.Resource {
	template := apiserver.Object(key.Body, "versionTemplate")
	algorithm := apiserver.Text(template, "algorithm")
	private, err := ecdsa.GenerateKey(curves[algorithm].Curve, rand.Reader)
	if err != nil {
		panic(err) // the machine has no random numbers
	}
	return a.versions.Add(func() collection.Resource {
		all := key.Name + "/cryptoKeyVersions"
		name := fmt.Sprint(all, "/", len(a.versions.All(all))+1)
		return collection.Resource{Name: name, Created: at, Kept: private,
			Body: object{"state": "ENABLED", "protectionLevel": template["protectionLevel"], "algorithm": algorithm,
				"createTime": collection.Time(at), "generateTime": collection.Time(at)}}
	})
}
