package secretmanager

import (
	"encoding/base64"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
	"github.com/iapguard/iapguard/internal/localcloud/collection"
	"github.com/iapguard/iapguard/internal/localcloud/schema"
)

// maxPayload is how much one version may hold. Source: secret-manager/quotas.
const maxPayload = 64 << 10

var versionKind = collection.Kind{
	Documents: []string{"secretmanager/v1"}, Collections: []string{"secretmanager.projects.secrets.versions"},
	Message: "SecretVersion", Permissions: "secretmanager.versions", Source: docs + ".versions", Numbered: true,
	NewestFirst: true, Alias: latest, State: withoutData,
	Words: collection.Words{NotFound: "Secret Version [{name}] not found."},
	Actions: map[string]collection.Action{
		"access":  {Do: access},
		"enable":  {Writes: true, Do: becomes("ENABLED")},
		"disable": {Writes: true, Do: becomes("DISABLED")},
		"destroy": {Writes: true, Do: becomes("DESTROYED")},
	},
}

// latest is the newest version, whatever its state.
func latest(versions *collection.Collection, name string) string {
	if all, ok := strings.CutSuffix(name, "/latest"); ok {
		if kept := versions.All(all); len(kept) > 0 {
			return kept[0].Name
		}
	}
	return name
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) string {
	return strconv.FormatInt(int64(crc32.Checksum(data, castagnoli)), 10)
}

func addVersion(versions *collection.Collection, secret string, call *apiserver.Call) (any, error) {
	body, err := call.Body()
	if err != nil {
		return nil, err
	}
	payload := apiserver.Object(body, "payload")
	data, err := schema.Bytes(apiserver.Text(payload, "data"))
	sum := apiserver.Text(payload, "dataCrc32c")
	switch {
	case err != nil:
		return nil, apiserver.Invalid("Invalid value at 'payload.data' (TYPE_BYTES), Base64 decoding failed")
	case len(data) == 0:
		return nil, apiserver.Invalid("Secret Payload cannot be empty.")
	case len(data) > maxPayload:
		return nil, apiserver.Invalid("Secret Payload data must be no larger than 64KiB.")
	case sum != "" && sum != checksum(data):
		return nil, apiserver.Invalid("Secret Payload data_crc32c does not match.")
	}
	made := versions.Add(func() collection.Resource {
		at := versions.Server().Stamp()
		return collection.Resource{
			Name: secret + "/versions/" + strconv.Itoa(len(versions.All(secret+"/versions"))+1), Created: at, Kept: data,
			Body: map[string]any{"state": "ENABLED", "createTime": collection.Time(at),
				"clientSpecifiedPayloadChecksum": sum != ""},
		}
	})
	return versions.Shown(made), nil
}

func access(versions *collection.Collection, call *apiserver.Call) (any, error) {
	found, err := versions.Named(call)
	if err != nil {
		return nil, err
	}
	shown := versions.Shown(found)
	if shown["state"] != "ENABLED" {
		return nil, apiserver.Precondition("Secret Version [%s] is in %s state.", shown["name"], shown["state"])
	}
	data, _ := found.Kept.([]byte)
	return map[string]any{"name": shown["name"], "payload": map[string]any{
		"data": base64.StdEncoding.EncodeToString(data), "dataCrc32c": checksum(data),
	}}, nil
}

// becomes enables, disables or destroys a version. What is destroyed stays so.
func becomes(state string) func(*collection.Collection, *apiserver.Call) (any, error) {
	return func(versions *collection.Collection, call *apiserver.Call) (any, error) {
		return versions.Change(call, func(w *collection.Write) error {
			if w.Old.Body["state"] == "DESTROYED" {
				return apiserver.Precondition("Secret Version [%s] is in DESTROYED state.", versions.Shown(*w.Old)["name"])
			}
			if w.New.Body["state"] = state; state == "DESTROYED" {
				w.New.Kept = nil
				w.New.Body["destroyTime"] = collection.Time(w.At)
			}
			return nil
		})
	}
}
