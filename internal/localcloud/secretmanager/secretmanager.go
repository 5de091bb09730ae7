// Package secretmanager is the local cloud's Secret Manager API (v1): secrets
// of the project with their versions and IAM policies. What versions hold is
// given to who may access them, and shown nowhere else.
package secretmanager

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
)

const docs = "cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets"

// New returns the API.
func New(s *apiserver.Server) apiserver.API {
	versions := collection.New(s, versionKind)
	versions.Within = collection.New(s, secretKind(versions))
	return collection.Merged("secretmanager", versions.Within, versions)
}

func secretKind(versions *collection.Collection) collection.Kind {
	return collection.Kind{
		Documents: []string{"secretmanager/v1"}, Collections: []string{"secretmanager.projects.secrets"}, Message: "Secret",
		Permissions: "secretmanager.secrets", Source: docs,
		Verbs: map[string]string{"addVersion": "secretmanager.versions.add", "testIamPermissions": ""},
		// Source: secret-manager/docs/reference/rest/v1/projects.secrets/create
		ID:       regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`),
		Numbered: true, // documented examples
		Words: collection.Words{NotFound: "Secret [{name}] not found.", Exists: "Secret [{name}] already exists.",
			BadID: "The provided Secret ID [{id}] does not match the expected format [[a-zA-Z_0-9]+]"},
		Prepare: func(w *collection.Write) error {
			if w.New != nil && apiserver.Object(w.New.Body, "replication") == nil {
				return apiserver.Invalid("Secret.replication must be provided.")
			}
			return nil
		},
		Changed: func(w *collection.Write) {
			if w.New == nil {
				for _, version := range versions.All(w.Old.Name + "/versions") {
					versions.Drop(version.Name)
				}
			}
		},
		Actions: map[string]collection.Action{"addVersion": {Writes: true,
			Do: func(secrets *collection.Collection, call *apiserver.Call) (any, error) {
				secret, err := secrets.Named(call)
				if err != nil {
					return nil, err
				}
				return addVersion(versions, secret.Name, call)
			}}},
	}
}

// withoutData shows only the SHA-256 of what a version holds.
func withoutData(version collection.Resource, shown map[string]any) {
	data, _ := version.Kept.([]byte)
	sum := sha256.Sum256(data)
	shown["sha256"] = hex.EncodeToString(sum[:])
}
