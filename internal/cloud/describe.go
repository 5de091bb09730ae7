package cloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// Describe adds to a posture what the rules of a policy ask about: the folders
// above the project, and the labels of the services that share a backend
// service. Folders that cannot be read for want of a right are told as unread,
// and are no error.
func (c *Cloud) Describe(ctx context.Context, p *posture.Posture, asked posture.Asked) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	if asked.Folders {
		group.Go(func() error { return c.describeAncestors(ctx, p) })
	}
	if asked.Labels {
		for i := range p.Backends {
			for j := range p.Backends[i].Members {
				member := &p.Backends[i].Members[j]
				if member.Missing || member.Target == p.Target || !member.CreatedAt.IsZero() { // observed already
					continue
				}
				group.Go(func() error {
					service, err := c.run.Service(ctx, member.Target)
					if err != nil && fault.ActionOf(err) == fault.Gone {
						member.Missing, err = true, nil
					}
					member.Labels = service.Labels
					return err
				})
			}
		}
	}
	return group.Wait()
}

func (c *Cloud) describeAncestors(ctx context.Context, p *posture.Posture) error {
	folders, err := c.folders.of(p.Target.Project, c.now(), func() ([]string, error) {
		return c.identity.Folders(ctx, p.Target.Project)
	})
	if err == nil {
		p.Ancestors = posture.Ancestors{Known: true, Folders: folders}
		return nil
	}
	if action := fault.ActionOf(err); action != fault.Block && action != fault.Gone {
		return err
	}
	p.Ancestors = posture.Ancestors{Unread: err.Error()}
	return nil
}

// foldersHold is how long the folders above a project are taken as read: a
// project that is moved is seen in its new place by then.
const foldersHold = 5 * time.Minute

// folderCache keeps the folders above each project for a while.
type folderCache struct {
	mu    sync.Mutex
	known map[string]knownFolders
}

type knownFolders struct {
	folders []string
	until   time.Time
}

func (f *folderCache) of(project string, now time.Time, read func() ([]string, error)) ([]string, error) {
	f.mu.Lock()
	known, ok := f.known[project]
	f.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.folders, nil
	}
	folders, err := read()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]knownFolders{}
	}
	f.known[project] = knownFolders{folders, now.Add(foldersHold)}
	return folders, nil
}
