package cloud

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/posture"
)

// Below are the projects in a folder or an organization, at any depth, that our account may
// read, sorted. A project of unknown ancestors is taken to be one of them, since a look at it
// changes nothing for others. With an error come those that could be listed.
func (c *Cloud) Below(ctx context.Context, container string) ([]string, error) {
	projects, unlisted := c.projects.ReadableProjects(ctx)
	below := make([]string, len(projects))
	var group errgroup.Group
	group.SetLimit(together)
	for i, project := range projects {
		group.Go(func() error {
			p := posture.Posture{Target: posture.Target{Project: project}}
			err := c.readAncestors(ctx, &p)
			if p.Ancestors.Unread != "" || slices.Contains(p.Ancestors.Containers(), container) {
				below[i] = project
			}
			return err
		})
	}
	err := group.Wait()
	below = slices.DeleteFunc(below, func(project string) bool { return project == "" })
	slices.Sort(below)
	return below, cmp.Or(unlisted, err)
}
