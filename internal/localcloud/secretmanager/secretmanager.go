// Package secretmanager is the local cloud's Secret Manager API (v1): secrets
// of the project with their versions and IAM policies. What versions hold is
// given to who may access them, and shown nowhere else.
package secretmanager

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

const docs = "cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets"

// secretID is the grammar of a secret's id.
// Source: secret-manager/docs/reference/rest/v1/projects.secrets/create
var secretID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

type api struct {
	server *apiserver.Server

	mu      sync.Mutex
	secrets map[string]*held // by full name
}

// held is one secret.
type held struct {
	view     map[string]any
	versions []*version // the first is number 1
}

type version struct {
	data  []byte
	state string
	view  map[string]any
}

// New returns the API.
func New(s *apiserver.Server) apiserver.API {
	a := &api{server: s, secrets: map[string]*held{}}
	const (
		collection = "/v1/projects/{project}/secrets"
		one        = collection + "/{secret}"
		each       = one + "/versions"
	)
	routes := []apiserver.Route{
		a.route("POST", collection, "create", "secrets.create", a.create),
		a.route("GET", collection, "list", "secrets.list", a.list),
		a.route("GET", one, "get", "secrets.get", a.get),
		a.route("DELETE", one, "delete", "secrets.delete", a.remove),
		a.route("POST", one+":addVersion", "addVersion", "versions.add", a.addVersion),
		a.route("GET", one+":getIamPolicy", "getIamPolicy", "secrets.getIamPolicy",
			a.onPolicy((*apiserver.Call).GetIamPolicy)),
		a.route("POST", one+":setIamPolicy", "setIamPolicy", "secrets.setIamPolicy",
			a.onPolicy((*apiserver.Call).SetIamPolicy)),
		a.route("GET", each, "versions.list", "versions.list", a.listVersions),
		a.route("GET", each+"/{version}:access", "versions.access", "versions.access", a.access),
		a.route("GET", each+"/{version}", "versions.get", "versions.get", a.getVersion),
		a.route("POST", each+"/{version}:disable", "versions.disable", "versions.disable", a.setState("DISABLED")),
		a.route("POST", each+"/{version}:enable", "versions.enable", "versions.enable", a.setState("ENABLED")),
		a.route("POST", each+"/{version}:destroy", "versions.destroy", "versions.destroy", a.setState("DESTROYED")),
	}
	return apiserver.API{Name: "secretmanager", Routes: routes, State: a.state, Reset: a.reset}
}

func (a *api) route(verb, path, method, permission string, handle func(*apiserver.Call) (any, error)) apiserver.Route {
	return apiserver.Route{
		Verb: verb, Path: path, API: "secretmanager", ID: "secretmanager.projects.secrets." + method,
		Permission: "secretmanager." + permission, Source: docs + "/" + method, Handle: handle,
		Write: verb != "GET", Resource: resource,
	}
}

// resource is the secret or the version that a call is about, without its verb.
func resource(c *apiserver.Call) string {
	name := "projects/" + apiserver.ProjectID
	if secret := c.Var("secret"); secret != "" {
		name += "/secrets/" + secret
	}
	if version := c.Var("version"); version != "" {
		name += "/versions/" + version
	}
	return name
}

func (a *api) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets = map[string]*held{}
}

// state shows of each version only the SHA-256 of what it holds.
func (a *api) state() map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := map[string]any{}
	for name, secret := range a.secrets {
		var versions []any
		for _, each := range secret.versions {
			shown := apiserver.Clone(each.view)
			sum := sha256.Sum256(each.data)
			shown["state"], shown["sha256"] = each.state, hex.EncodeToString(sum[:])
			versions = append(versions, shown)
		}
		shown := apiserver.Clone(secret.view)
		shown["versions"] = versions
		state[name] = shown
	}
	return state
}

func nameOf(c *apiserver.Call) string {
	return "projects/" + apiserver.ProjectID + "/secrets/" + c.Var("secret")
}

// shown is a name as answers have it: with the project's number (documented
// examples).
func shown(name string) string {
	return strings.Replace(name, "projects/"+apiserver.ProjectID+"/", "projects/"+apiserver.ProjectNumber+"/", 1)
}

// find gives a secret; the lock is held.
func (a *api) find(c *apiserver.Call) (*held, error) {
	secret, ok := a.secrets[nameOf(c)]
	if !ok {
		return nil, apiserver.NotFound("Secret [%s] not found.", shown(nameOf(c)))
	}
	return secret, nil
}

// findVersion takes a number or latest, which is the newest whatever its state;
// the lock is held.
func (a *api) findVersion(c *apiserver.Call) (*version, error) {
	secret, err := a.find(c)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(c.Var("version"))
	if c.Var("version") == "latest" {
		number, err = len(secret.versions), nil
	}
	if err != nil || number < 1 || number > len(secret.versions) {
		return nil, apiserver.NotFound("Secret Version [%s/versions/%s] not found.", shown(nameOf(c)), c.Var("version"))
	}
	return secret.versions[number-1], nil
}

func (a *api) create(c *apiserver.Call) (any, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	if err := apiserver.CheckFields(body, "", "name replication labels annotations topics expireTime ttl rotation versionAliases versionDestroyTtl customerManagedEncryption tags etag"); err != nil {
		return nil, err
	}
	id := c.Query("secretId")
	if !secretID.MatchString(id) {
		return nil, apiserver.Invalid("The provided Secret ID [%s] does not match the expected format [[a-zA-Z_0-9]+]", id)
	}
	if apiserver.Object(body, "replication") == nil {
		return nil, apiserver.Invalid("Secret.replication must be provided.")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	name := "projects/" + apiserver.ProjectID + "/secrets/" + id
	if a.secrets[name] != nil {
		return nil, apiserver.AlreadyExists("Secret [%s] already exists.", shown(name))
	}
	made := apiserver.Clone(body)
	made["name"], made["createTime"], made["etag"] = shown(name), c.Time.UTC().Format(time.RFC3339Nano),
		`"`+apiserver.NewID()[:12]+`"`
	a.secrets[name] = &held{view: made}
	return apiserver.Clone(made), nil
}

func (a *api) list(*apiserver.Call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for name := range a.secrets {
		names = append(names, name)
	}
	slices.Sort(names)
	answer := map[string]any{"totalSize": len(names)}
	var all []any
	for _, name := range names {
		all = append(all, apiserver.Clone(a.secrets[name].view))
	}
	if all != nil {
		answer["secrets"] = all
	}
	return answer, nil
}

func (a *api) get(c *apiserver.Call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	secret, err := a.find(c)
	if err != nil {
		return nil, err
	}
	return apiserver.Clone(secret.view), nil
}

func (a *api) remove(c *apiserver.Call) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.find(c); err != nil {
		return nil, err
	}
	delete(a.secrets, nameOf(c))
	a.server.DeletePolicy(nameOf(c))
	return map[string]any{}, nil
}

// onPolicy reads or writes the IAM policy of a secret that is there.
func (a *api) onPolicy(do func(*apiserver.Call, string) (any, error)) func(*apiserver.Call) (any, error) {
	return func(c *apiserver.Call) (any, error) {
		a.mu.Lock()
		_, err := a.find(c)
		a.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return do(c, nameOf(c))
	}
}
