package cloudkms

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"hash/crc32"
	"strconv"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) string {
	return strconv.FormatInt(int64(crc32.Checksum(data, castagnoli)), 10)
}

// usable returns a version that is enabled, with its private key.
func usable(versions *collection.Collection, call *apiserver.Call) (object, *ecdsa.PrivateKey, error) {
	found, err := versions.Named(call)
	if err != nil {
		return nil, nil, err
	}
	shown := versions.Shown(found)
	private, _ := found.Kept.(*ecdsa.PrivateKey)
	if shown["state"] != "ENABLED" || private == nil {
		return nil, nil, apiserver.Precondition("%s is not enabled, current state is: %s.", shown["name"], shown["state"])
	}
	return shown, private, nil
}

// sign signs a digest. The checksum that came with it is checked where there is one.
func sign(versions *collection.Collection, call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	version, private, err := usable(versions, call)
	if err != nil {
		return nil, err
	}
	with := curves[version["algorithm"].(string)]
	digest, err := schema.Bytes(apiserver.Text(apiserver.Object(body, "digest"), with.digest))
	sum := apiserver.Text(body, "digestCrc32c")
	switch {
	case err != nil || len(digest) != with.bytes:
		return nil, apiserver.Invalid("The digest must be a %s digest of %d bytes.", with.digest, with.bytes)
	case sum != "" && sum != checksum(digest):
		return nil, apiserver.Invalid("The checksum in field digest_crc32c did not match the data in field digest.")
	}
	signature, err := ecdsa.SignASN1(rand.Reader, private, digest)
	if err != nil {
		return nil, err
	}
	return object{"name": version["name"], "signature": base64.StdEncoding.EncodeToString(signature),
		"signatureCrc32c": checksum(signature), "verifiedDigestCrc32c": sum != "",
		"protectionLevel": version["protectionLevel"]}, nil
}

// publicKey answers the public key as PEM.
func publicKey(versions *collection.Collection, call *apiserver.Call) (any, error) {
	version, private, err := usable(versions, call)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return object{"name": version["name"], "pem": string(text), "pemCrc32c": checksum(text),
		"algorithm": version["algorithm"], "protectionLevel": version["protectionLevel"], "publicKeyFormat": "PEM"}, nil
}

// destroy schedules the destruction of a version. Its time never comes here.
func destroy(versions *collection.Collection, call *apiserver.Call) (any, error) {
	return versions.Change(call, func(w *collection.Write) error {
		if state := w.Old.Body["state"]; state != "ENABLED" && state != "DISABLED" {
			return apiserver.Precondition("%s is in state %s.", w.Old.Name, state)
		}
		w.New.Body["state"], w.New.Body["destroyTime"] = "DESTROY_SCHEDULED", collection.Time(w.At.AddDate(0, 0, 30))
		return nil
	})
}
