package resourcemanager

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	containers "google.golang.org/api/cloudresourcemanager/v3"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

const (
	// listedTogether bounds how many folders are listed side by side.
	listedTogether = 16
	// deepest is how many folders may stand one in the other.
	// Source: resource-manager/reference/rest/v3/folders/create.
	deepest = 10
	// pageOfProjects is how many projects or folders a page has at most. What the API answers at
	// most is not documented, and it answers fewer where that is less.
	pageOfProjects = 500
)

// Placed is a project with what is above it. Ancestors that are not known were not asked for.
type Placed struct {
	Project
	Ancestors posture.Ancestors
}

// Below lists the projects in a folder or an organization, at any depth, sorted by their ids.
// Lists by parent show what is there now, where a search may lack what was made a moment ago.
// With an error come those that could be listed.
// Source: resource-manager/reference/rest/v3/projects, list and search.
func (c *Client) Below(ctx context.Context, container string) ([]Placed, error) {
	walk := &walk{client: c}
	level := []above{c.begin(ctx, container)}
	for depth := 0; len(level) > 0 && depth <= deepest; depth++ {
		level = walk.down(ctx, level)
	}
	slices.SortFunc(walk.found, func(a, b Placed) int { return strings.Compare(a.ID, b.ID) })
	return walk.found, walk.err
}

// above is a folder or an organization with what is above a project directly in it.
type above struct {
	name  string
	known bool // the ancestors are complete
	posture.Ancestors
}

// begin is where a walk starts: the container with what is above a project in it. What is above a folder is read upwards; where that
// fails, it is not known, and the walk goes on.
func (c *Client) begin(ctx context.Context, container string) above {
	start := above{name: container, known: true}
	for next := container; start.known; {
		if strings.HasPrefix(next, "organizations/") {
			start.Organization = next
			break
		}
		start.Folders = append(start.Folders, next)
		folder, err := c.above.Folders.Get(next).Context(ctx).Do()
		if err != nil || len(start.Folders) > deepest {
			start.known = false
			break
		}
		next = folder.Parent
	}
	return start
}

// walk lists what is in containers, one level after the other.
type walk struct {
	client *Client

	mu    sync.Mutex
	found []Placed
	err   error // the first by the container's name
	at    string
}

// down lists what is directly in containers, and returns the folders among that.
func (w *walk) down(ctx context.Context, level []above) []above {
	below := make([][]above, len(level))
	var group errgroup.Group
	group.SetLimit(listedTogether)
	for i, in := range level {
		group.Go(func() error { w.projects(ctx, in); return nil })
		group.Go(func() error { below[i] = w.folders(ctx, in); return nil })
	}
	_ = group.Wait() // what failed is noted
	return slices.Concat(below...)
}

func (w *walk) projects(ctx context.Context, in above) {
	var found []Placed
	list := w.client.above.Projects.List().Parent(in.name).PageSize(pageOfProjects)
	err := connect.AllPages(ctx, list.Pages,
		func(page *containers.ListProjectsResponse) error {
			for _, project := range page.Projects {
				if project.State != "" && project.State != "ACTIVE" {
					continue
				}
				one := Placed{Project: Project{ID: project.ProjectId, Number: strings.TrimPrefix(project.Name, "projects/"),
					InOrganization: true}}
				if in.known {
					one.Ancestors = in.Ancestors
					one.Ancestors.Known = true
				}
				found = append(found, one)
			}
			return nil
		})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, found...)
	w.fail(in.name, "projects", connect.Needing("resourcemanager.projects.list", err))
}

func (w *walk) folders(ctx context.Context, in above) []above {
	var below []above
	list := w.client.above.Folders.List().Parent(in.name).PageSize(pageOfProjects)
	err := connect.AllPages(ctx, list.Pages,
		func(page *containers.ListFoldersResponse) error {
			for _, folder := range page.Folders {
				if folder.State != "" && folder.State != "ACTIVE" {
					continue
				}
				one := above{name: folder.Name, known: in.known, Ancestors: in.Ancestors}
				one.Folders = append([]string{folder.Name}, in.Folders...)
				below = append(below, one)
			}
			return nil
		})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail(in.name, "folders", connect.Needing("resourcemanager.folders.list", err))
	return below
}

// fail notes an error of one list. Its text does not depend on which list ends first. The caller
// has the lock.
func (w *walk) fail(container, what string, err error) {
	if err == nil || w.err != nil && cmp.Compare(w.at, container+what) <= 0 {
		return
	}
	w.at, w.err = container+what, fmt.Errorf("listing the %s in %q: %w", what, container, err)
}

// Know keeps the names of a project that a list showed.
func (c *Client) Know(project Project) {
	if project.InOrganization {
		c.known.Put(project.ID, project)
		c.known.Put(project.Number, project)
	}
}
