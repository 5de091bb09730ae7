package function

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"time"

	"cloud.google.com/go/compute/metadata"

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

// metadataTimeout bounds how long the start waits for the metadata server.
const metadataTimeout = 5 * time.Second

// Locate asks the metadata server for what the environment does not say: the own
// service account, without which the function could not recognise its own writes,
// and on Cloud Run the function's own service, without which it could shut itself
// out. It asks for nothing that is known already.
func (c *Config) Locate(ctx context.Context) error {
	ctx, cancel := timeout.With(ctx, c.clock(), metadataTimeout, "the metadata server")
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
	found := map[string]string{}
	for _, key := range []string{"project/project-id", "project/numeric-project-id", "instance/region"} {
		value, err := metadata.GetWithContext(ctx, key)
		if err != nil {
			return RuntimeIdentity{}, fmt.Errorf("asking the metadata server for %s: %w", key, err)
		}
		found[key] = value
	}
	// The region is projects/NUMBER/regions/REGION.
	own := posture.Target{
		Project: found["project/project-id"], Location: path.Base(found["instance/region"]), Service: service,
	}
	if _, err := posture.ParseTarget(own.Name()); err != nil {
		return RuntimeIdentity{}, err
	}
	return RuntimeIdentity{own, found["project/numeric-project-id"]}, nil
}
