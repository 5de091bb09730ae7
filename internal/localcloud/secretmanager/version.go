package secretmanager

import (
	"encoding/base64"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// maxPayload is how much one version may hold. Source: secret-manager/quotas.
const maxPayload = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) string {
	return strconv.FormatInt(int64(crc32.Checksum(data, castagnoli)), 10)
}

func (a *api) addVersion(c *apiserver.Call) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	payload := apiserver.Object(body, "payload")
	data, err := base64.StdEncoding.DecodeString(apiserver.Text(payload, "data"))
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
	a.mu.Lock()
	defer a.mu.Unlock()
	secret, err := a.find(c)
	if err != nil {
		return nil, err
	}
	made := &version{data: data, state: "ENABLED", view: map[string]any{
		"name":       shown(nameOf(c)) + "/versions/" + strconv.Itoa(len(secret.versions)+1),
		"createTime": c.Time.UTC().Format(time.RFC3339Nano), "clientSpecifiedPayloadChecksum": sum != "",
	}}
	secret.versions = append(secret.versions, made)
	return made.shown(), nil
}

// shown is a version without what it holds.
func (v *version) shown() map[string]any {
	view := apiserver.Clone(v.view)
	view["state"] = v.state
	return view
}

func (a *api) listVersions(c *apiserver.Call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	secret, err := a.find(c)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"totalSize": len(secret.versions)}
	var all []any
	for i := range secret.versions { // the newest first
		all = append(all, secret.versions[len(secret.versions)-1-i].shown())
	}
	if all != nil {
		answer["versions"] = all
	}
	return answer, nil
}

func (a *api) getVersion(c *apiserver.Call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, err := a.findVersion(c)
	if err != nil {
		return nil, err
	}
	return found.shown(), nil
}

func (a *api) access(c *apiserver.Call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, err := a.findVersion(c)
	if err != nil {
		return nil, err
	}
	name := apiserver.Text(found.view, "name")
	if found.state != "ENABLED" {
		return nil, apiserver.Precondition("Secret Version [%s] is in %s state.", name, found.state)
	}
	return map[string]any{"name": name, "payload": map[string]any{
		"data": base64.StdEncoding.EncodeToString(found.data), "dataCrc32c": checksum(found.data),
	}}, nil
}

// setState enables, disables or destroys a version. What is destroyed stays so.
func (a *api) setState(state string) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		found, err := a.findVersion(c)
		if err != nil {
			return nil, err
		}
		if found.state == "DESTROYED" {
			return nil, apiserver.Precondition("Secret Version [%s] is in DESTROYED state.", apiserver.Text(found.view, "name"))
		}
		if found.state = state; state == "DESTROYED" {
			found.data = nil
		}
		return found.shown(), nil
	}
}
