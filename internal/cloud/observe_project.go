package cloud

import (
	"context"
	"time"

	"github.com/iapguard/iapguard/internal/cloud/connect"
	"github.com/iapguard/iapguard/internal/fault"
	"github.com/iapguard/iapguard/internal/posture"
)

// readProject begins the observation: resources name the project by its id or by
// its number, and everything else needs both.
func (o *observation) readProject(ctx context.Context, target posture.Target) error {
	project, err := o.projects.Project(ctx, target.Project)
	if err != nil {
		return err
	}
	target.Project = project.ID
	o.p = posture.Posture{
		Target: target, ProjectNumber: project.Number, NoOrganization: !project.InOrganization, ObservedAt: o.now(),
	}
	return nil
}

// readProjectPolicy reads the project's IAM policy. It is optional: it can only
// show more grants than are known without it.
func (o *observation) readProjectPolicy(ctx context.Context) (err error) {
	o.p.Project, err = o.projects.Policy(ctx, o.p.Target.Project)
	return o.unread.optional("projects/"+o.p.Target.Project, err)
}

// readAncestors reads the folders and the organization above the project.
func (c *Cloud) readAncestors(ctx context.Context, p *posture.Posture) error {
	above, err := c.ancestors.Get(ctx, p.Target.Project, func(ctx context.Context) (posture.Ancestors, error) {
		return c.projects.Ancestors(ctx, p.Target.Project)
	})
	switch err = connect.Classify(err); {
	case err == nil:
		p.Ancestors = above
	case fault.Lasting(err):
		p.Ancestors = posture.Ancestors{Unread: err.Error()}
	default:
		return err
	}
	return nil
}

// ancestorsHold is how long the folders above a project are cached, and keptProjects
// for how many projects. A moved project is seen in its new place after that time.
const (
	ancestorsHold = 5 * time.Minute
	keptProjects  = 1024
)
