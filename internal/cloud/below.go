package cloud

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/posture"
)

// Below are the projects in a folder or an organization, at any depth, that our account may
// read, sorted. A project of unknown ancestors is taken to be one of them, since a look at it
// changes nothing for others. With an error come those that could be listed.
func (c *Cloud) Below(ctx context.Context, container string) ([]string, error) {
	below, unplaced, err := c.Placed(ctx, container)
	below = slices.AppendSeq(below, maps.Keys(unplaced))
	slices.Sort(below)
	for _, why := range unplaced {
		if why.passing != nil {
			err = cmp.Or(err, why.passing)
		}
	}
	return below, err
}

// Unplaced is why it is not known what lies above a project.
type Unplaced struct {
	Why     string
	passing error // it may be known the next time; nil = it will not
}

// Placed are the projects in a folder or an organization, at any depth, that our account may
// read, sorted, and those that may be in it or not. They are listed from the container downwards;
// where a list is denied, all projects that can be found are asked where they are. With an error
// come those that could be listed.
func (c *Cloud) Placed(ctx context.Context, container string) ([]string, map[string]Unplaced, error) {
	ctx = connect.Paced(ctx) // an organization has more folders and projects than a quota takes at once
	walked, err := c.projects.Below(ctx, container)
	var below []string
	for _, each := range walked {
		below = append(below, each.ID)
		c.projects.Know(each.Project)
		if each.Ancestors.Known {
			c.ancestors.Put(each.ID, each.Ancestors)
		}
	}
	if err == nil {
		return below, nil, nil
	}
	found, unplaced, err := c.found(ctx, container)
	below = append(below, found...)
	slices.Sort(below)
	return slices.Compact(below), unplaced, err
}

// found are the projects that a search finds in a folder or an organization.
func (c *Cloud) found(ctx context.Context, container string) ([]string, map[string]Unplaced, error) {
	projects, unlisted := c.projects.ReadableProjects(ctx)
	ancestors, passing := make([]posture.Ancestors, len(projects)), make([]error, len(projects))
	var group errgroup.Group
	group.SetLimit(together)
	for i, project := range projects {
		group.Go(func() error {
			p := posture.Posture{Target: posture.Target{Project: project}}
			passing[i] = c.readAncestors(ctx, &p)
			ancestors[i] = p.Ancestors
			return nil
		})
	}
	_ = group.Wait() // each has its error
	var below []string
	unplaced := map[string]Unplaced{}
	for i, project := range projects {
		switch {
		case passing[i] != nil:
			unplaced[project] = Unplaced{passing[i].Error(), passing[i]}
		case ancestors[i].Unread != "":
			unplaced[project] = Unplaced{Why: ancestors[i].Unread}
		case slices.Contains(ancestors[i].Containers(), container):
			below = append(below, project)
		}
	}
	slices.Sort(below)
	return below, unplaced, unlisted
}
