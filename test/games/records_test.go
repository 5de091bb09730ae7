package games

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/iapguard/iapguard/test/games/kind"
)

const objects = "/storage/v1/b/" + bucket + "/o"

// records are the names of the memory's records that are about a service, of all records
// where service is "". Their names end with the service.
func (m mover) records(service string) []string {
	var names []string
	_, list := m.cloud.Call(accounts[kind.Rewriter], http.MethodGet, objects, nil)
	items, _ := list["items"].([]any)
	for _, each := range items {
		item, _ := each.(object)
		if name := fmt.Sprint(item["name"]); strings.Contains(name, service) {
			names = append(names, name)
		}
	}
	return names
}

func (m mover) read(name string) []byte {
	address := "http://localhost" + objects + "/" + url.PathEscape(name) + "?alt=media"
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		m.world.t.Error(err)
		return nil
	}
	request.Header.Set("Authorization", "Bearer "+accounts[kind.Rewriter])
	return m.world.body(request)
}

func (m mover) store(name string, data []byte) {
	m.call(kind.Rewriter, http.MethodPost, "/upload"+objects+"?uploadType=media&name="+url.QueryEscape(name), data)
}

// rewrite changes the memory, which is there where iapguard is.
func (m mover) rewrite(what kind.Kind, service string) {
	if !m.guarded {
		return
	}
	switch what {
	case kind.LoseMemory:
		for _, name := range m.records("") {
			m.call(kind.Rewriter, http.MethodDelete, objects+"/"+url.PathEscape(name), nil)
		}
		return
	case kind.RollBack:
		if m.world.kept == nil {
			m.world.kept = map[string][]byte{}
			for _, name := range m.records("") {
				m.world.kept[name] = m.read(name)
			}
			return
		}
		for name, data := range m.world.kept {
			m.store(name, data)
		}
		return
	}
	for _, name := range m.records("/" + service) {
		if what == kind.GarbageRecord {
			m.store(name, []byte("garbage"))
			continue
		}
		if forged := forge(what, m.read(name)); forged != nil {
			m.store(name, forged)
		}
	}
}

// forge changes a record of a service, nil = it is none.
func forge(what kind.Kind, data []byte) []byte {
	var sealed struct {
		Format int    `json:"format"`
		Record object `json:"record"`
	}
	if json.Unmarshal(data, &sealed) != nil || sealed.Record == nil {
		return nil
	}
	then := time.Now().Add(-100 * time.Hour).UTC().Format(time.RFC3339)
	name := fmt.Sprint(sealed.Record["name"])
	switch what {
	case kind.ForgeGuarded:
		sealed.Record["guardedSince"], sealed.Record["balancedSince"] = then, then
	case kind.ForgeOpen:
		sealed.Record["othersOpenSince"] = then
		sealed.Record["doors"] = []any{object{"key": "default-url https://x", "openSince": then}}
	case kind.ForgeUndone:
		var undone []any
		for _, field := range []string{name + " ingress", name + " roles/run.invoker", name + " iap.enabled"} {
			for range 5 {
				undone = append(undone, object{"field": field, "by": "forger@corp.example.com",
					"at": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)})
			}
		}
		sealed.Record["undone"] = undone
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		return nil
	}
	return text
}
