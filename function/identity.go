package function

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"time"

	"cloud.google.com/go/compute/metadata"
	"golang.org/x/sync/errgroup"

	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/timeout"
)

// RuntimeIdentity is the Cloud Run service that the function itself is. The zero
// value means that it does not run on Cloud Run.
type RuntimeIdentity struct {
	// Service names the service. Its project is the project's id.
	Service posture.Target
	// ProjectNumber is the number of the same project.
	ProjectNumber string
}

// How long the start waits for the metadata server. On Cloud Run there is one, which can be
// slow while an instance starts, and four minutes pass until the port has to be open.
// Source: run/docs/configuring/healthchecks, the default startup probe.
const (
	metadataTimeout   = time.Minute
	elsewhereMetadata = 5 * time.Second
)

// Locate asks the metadata server for what the environment does not say: the own
// service account, without which the function could not recognise its own writes,
// and on Cloud Run the function's own service, without which it could shut itself
// out. It asks for nothing that is known already.
func (c *Config) Locate(ctx context.Context) error {
	patience := elsewhereMetadata
	if c.OnCloudRun() {
		patience = metadataTimeout
	}
	ctx, cancel := timeout.With(ctx, c.clock(), patience, "the metadata server")
	defer cancel()
	if c.Self == "" {
		email, err := metadata.EmailWithContext(ctx, "default")
		if err != nil {
			return fmt.Errorf("finding the own service account: set %sSELF to its e-mail address, "+
				"because no metadata server answers here: %w", prefix, timeout.Explain(ctx, err))
		}
		c.Self, c.Connect.Self = email, email
	}
	if c.ownService == "" || c.Runtime != (RuntimeIdentity{}) {
		return nil
	}
	var err error
	if c.Runtime, err = findRuntimeIdentity(ctx, c.ownService); err != nil {
		return fmt.Errorf("finding the Cloud Run service %s that this is (K_SERVICE): %w; "+
			"anywhere but on Cloud Run, unset K_SERVICE", c.ownService, timeout.Explain(ctx, err))
	}
	c.Project = cmp.Or(c.Project, c.Runtime.Service.Project)
	return nil
}

// findRuntimeIdentity reads the instance's metadata. Source:
// run/docs/container-contract.
func findRuntimeIdentity(ctx context.Context, service string) (RuntimeIdentity, error) {
	var project, number, region string
	var group errgroup.Group
	for key, value := range map[string]*string{
		"project/project-id": &project, "project/numeric-project-id": &number, "instance/region": &region,
	} {
		group.Go(func() (err error) {
			if *value, err = metadata.GetWithContext(ctx, key); err != nil {
				err = fmt.Errorf("asking the metadata server for %s: %w", key, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return RuntimeIdentity{}, err
	}
	// The region is projects/NUMBER/regions/REGION.
	own := posture.Target{Project: project, Location: path.Base(region), Service: service}
	if _, err := posture.ParseTarget(own.Name()); err != nil {
		return RuntimeIdentity{}, err
	}
	return RuntimeIdentity{own, number}, nil
}
