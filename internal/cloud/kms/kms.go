// Package kms signs with a key of Cloud KMS, and reads its public key.
package kms

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	_ "crypto/sha256" // crypto.SHA256
	_ "crypto/sha512" // crypto.SHA384
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"regexp"

	api "google.golang.org/api/cloudkms/v1"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
)

// version is the full name of a key's version. Source: kms/docs/getting-resource-ids.
var version = regexp.MustCompile(`^projects/[a-z0-9][a-z0-9.:-]{4,60}/locations/[a-z0-9-]{1,63}` +
	`/keyRings/[a-zA-Z0-9_-]{1,63}/cryptoKeys/[a-zA-Z0-9_-]{1,63}/cryptoKeyVersions/[1-9][0-9]*$`)

// Valid reports whether s is the full name of a key's version.
func Valid(s string) bool { return version.MatchString(s) }

// Permissions that signing and reading the public key need.
// Source: kms/docs/reference/permissions-and-roles.
const (
	permissionSign = "cloudkms.cryptoKeyVersions.useToSign"
	permissionView = "cloudkms.cryptoKeyVersions.viewPublicKey"
)

// Key is one version of a key.
type Key struct {
	versions *api.ProjectsLocationsKeyRingsCryptoKeysCryptoKeyVersionsService
	name     string

	reading chan struct{}    // holds a value while the public key is read
	public  *ecdsa.PublicKey // nil = it was not read yet; guarded by reading
}

// Open makes the client of a key's version. It makes no call.
func Open(ctx context.Context, config connect.Config, name string) (*Key, error) {
	if !Valid(name) {
		return nil, fmt.Errorf("%q is not the version of a key: write projects/PROJECT/locations/LOCATION/keyRings/RING/"+
			"cryptoKeys/KEY/cryptoKeyVersions/NUMBER", name)
	}
	options, err := config.Options(ctx, connect.KMS)
	if err != nil {
		return nil, err
	}
	service, err := api.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Cloud KMS: %w", err)
	}
	service.UserAgent = config.UserAgent
	return &Key{versions: service.Projects.Locations.KeyRings.CryptoKeys.CryptoKeyVersions, name: name,
		reading: make(chan struct{}, 1)}, nil
}

// Name is the full name of the version.
func (k *Key) Name() string { return k.name }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) int64 { return int64(crc32.Checksum(data, castagnoli)) }

// hashes are the algorithms that can be used, and what each signs.
// Source: kms/docs/algorithms.
var hashes = map[string]crypto.Hash{"EC_SIGN_P256_SHA256": crypto.SHA256, "EC_SIGN_P384_SHA384": crypto.SHA384}

// HashOf is what a key signs; 0 = its curve is not supported.
func HashOf(key *ecdsa.PublicKey) crypto.Hash {
	switch key.Curve.Params().BitSize {
	case 256:
		return crypto.SHA256
	case 384:
		return crypto.SHA384
	}
	return 0
}

// ParsePublic reads a public key as Cloud KMS gives it out: PEM, of an elliptic curve.
func ParsePublic(text []byte) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("it is not a public key in PEM: it begins with no -----BEGIN PUBLIC KEY-----")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("it is not a public key: %w", err)
	}
	public, is := parsed.(*ecdsa.PublicKey)
	if !is || HashOf(public) == 0 {
		return nil, fmt.Errorf("it is not a key on the curve P-256 or P-384, with which iapguard signs")
	}
	return public, nil
}

// Public reads the public key, once.
func (k *Key) Public(ctx context.Context) (*ecdsa.PublicKey, error) {
	select {
	case k.reading <- struct{}{}:
		defer func() { <-k.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if k.public != nil {
		return k.public, nil
	}
	answer, err := k.versions.GetPublicKey(k.name).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("reading the public key of %s: %w", k.name, connect.Needing(permissionView, err))
	}
	if err := connect.About(k.name, answer.Name); err != nil {
		return nil, fmt.Errorf("reading the public key of %s: %w", k.name, err)
	}
	if answer.PemCrc32c != checksum([]byte(answer.Pem)) {
		return nil, damaged("the public key of " + k.name)
	}
	if hashes[answer.Algorithm] == 0 {
		return nil, fault.New(fault.Invalid, "reading the public key of %s: its algorithm is %s: make a key with "+
			"EC_SIGN_P256_SHA256 or EC_SIGN_P384_SHA384", k.name, answer.Algorithm)
	}
	if k.public, err = ParsePublic([]byte(answer.Pem)); err != nil {
		return nil, fmt.Errorf("reading the public key of %s: %w", k.name, err)
	}
	return k.public, nil
}

// Sign signs data. A signature that the key's public half does not verify is not returned.
func (k *Key) Sign(ctx context.Context, data []byte) ([]byte, error) {
	public, err := k.Public(ctx)
	if err != nil {
		return nil, err
	}
	kind := HashOf(public)
	hash := kind.New()
	hash.Write(data)
	digest := hash.Sum(nil)
	request := &api.AsymmetricSignRequest{Digest: &api.Digest{}, DigestCrc32c: checksum(digest)}
	if text := base64.StdEncoding.EncodeToString(digest); kind == crypto.SHA256 {
		request.Digest.Sha256 = text
	} else {
		request.Digest.Sha384 = text
	}
	answer, err := k.versions.AsymmetricSign(k.name, request).Context(ctx).Do()
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", k.name, connect.Needing(permissionSign, err))
	}
	signature, err := base64.StdEncoding.DecodeString(answer.Signature)
	switch {
	case err != nil || !answer.VerifiedDigestCrc32c || answer.SignatureCrc32c != checksum(signature):
		return nil, damaged("the signature of " + k.name)
	case connect.About(k.name, answer.Name) != nil:
		return nil, fmt.Errorf("signing with %s: %w", k.name, connect.About(k.name, answer.Name))
	case !ecdsa.VerifyASN1(public, digest, signature):
		return nil, fault.New(fault.Unavailable, "signing with %s: the signature is not that of the key", k.name)
	}
	return signature, nil
}

func damaged(what string) error {
	return fault.New(fault.Unavailable, "%s was damaged on its way: a checksum does not match", what)
}
