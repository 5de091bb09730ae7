package apiserver

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Project is a project of the cloud, by both of its names. Projects are equal when they
// are the same one.
type Project struct{ ID, Number string }

// DefaultProject is the project that every cloud starts with.
func DefaultProject() Project { return Project{ProjectID, ProjectNumber} }

// NewProject is a project of an id. Its number follows from the id, so that the states of
// two clouds can be compared.
func NewProject(id string) Project {
	if id == ProjectID {
		return DefaultProject()
	}
	sum := sha256.Sum256([]byte(id))
	return Project{id, fmt.Sprint(2e11 + binary.BigEndian.Uint64(sum[:8])%7e11)}
}

// Name is the project's resource name, by its id: projects/demo-project.
func (p Project) Name() string { return "projects/" + p.ID }

// Numbered is the project's resource name by its number.
func (p Project) Numbered() string { return "projects/" + p.Number }

// IAPAgent is the e-mail address of the project's IAP service agent.
func (p Project) IAPAgent() string {
	return "service-" + p.Number + "@gcp-sa-iap.iam.gserviceaccount.com"
}

// DefaultAccount is the e-mail address of the account that runs what has no account of
// its own (run/docs/configuring/services/service-identity).
func (p Project) DefaultAccount() string { return p.Number + "-compute@developer.gserviceaccount.com" }

// AccountAddress is the e-mail address of a service account that the project has.
func (p Project) AccountAddress(id string) string { return id + "@" + p.ID + accountDomain }

// accountDomain ends the addresses of accounts that projects have.
const accountDomain = ".iam.gserviceaccount.com"

// projects are those of the cloud.
type projects struct {
	mu     sync.RWMutex
	all    []Project // the first one is DefaultProject
	byName map[string]Project
}

func (p *projects) reset(beside []Project) {
	p.mu.Lock()
	p.all, p.byName = nil, map[string]Project{}
	p.mu.Unlock()
	for _, each := range append([]Project{DefaultProject()}, beside...) {
		p.add(each)
	}
}

func (p *projects) add(added Project) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, id := p.byName[added.ID]
	if _, number := p.byName[added.Number]; id || number {
		return false
	}
	p.all = append(p.all, added)
	p.byName[added.ID], p.byName[added.Number] = added, added
	return true
}

// Projects are the cloud's projects, DefaultProject first.
func (s *Server) Projects() []Project {
	s.projects.mu.RLock()
	defer s.projects.mu.RUnlock()
	return slices.Clone(s.projects.all)
}

// AddProject makes a project with what is in a new one, and reports whether neither its id
// nor its number was taken.
func (s *Server) AddProject(added Project) bool {
	if !s.projects.add(added) {
		return false
	}
	for _, api := range s.apis {
		if api.NewProject != nil {
			api.NewProject(added)
		}
	}
	return true
}

// Project finds a project by its id or its number.
func (s *Server) Project(idOrNumber string) (Project, bool) {
	s.projects.mu.RLock()
	defer s.projects.mu.RUnlock()
	found, ok := s.projects.byName[idOrNumber]
	return found, ok
}

// ProjectOf is the project in which a resource is, by its name. A name that begins with no
// project is that of a resource of DefaultProject, and so are those below projects/- and,
// in Cloud Storage, projects/_. Of a project that the cloud does not have only the id is known.
func (s *Server) ProjectOf(resource string) Project {
	rest, ok := strings.CutPrefix(resource, "projects/")
	name, _, _ := strings.Cut(rest, "/")
	if !ok || name == "" || name == "-" || name == "_" {
		return DefaultProject()
	}
	if found, ok := s.Project(name); ok {
		return found
	}
	return Project{ID: name}
}

// ByID is a name with the project's id for its number. Other names stay as they are.
func (s *Server) ByID(name string) string { return s.renamed(name, Project.Name) }

// ByNumber is a name with the project's number for its id. Other names stay as they are.
func (s *Server) ByNumber(name string) string { return s.renamed(name, Project.Numbered) }

func (s *Server) renamed(name string, to func(Project) string) string {
	rest, ok := strings.CutPrefix(name, "projects/")
	named, below, more := strings.Cut(rest, "/")
	found, known := s.Project(named)
	switch {
	case !ok || !known:
		return name
	case !more:
		return to(found)
	}
	return to(found) + "/" + below
}
