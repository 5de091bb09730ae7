package function

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"time"

	"cloud.google.com/go/compute/metadata"

	"github.com/iapguard/iapguard/internal/posture"
)

// Place is where the function itself runs. The zero value is nowhere in particular:
// not on Cloud Run.
type Place struct {
	// Service is the Cloud Run service that the function is. Its project is the id.
	Service posture.Target
	// ProjectNumber is the same project's.
	ProjectNumber string
}

// metadataPatience bounds how long the start waits for the metadata server.
const metadataPatience = 5 * time.Second

// Locate asks the metadata server for what the environment does not say: the own
// service account, without which own writes could not be told from others', and
// on Cloud Run the service that the function is, without which it could shut
// itself out. What has been found is not asked for again.
func (c *Config) Locate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, metadataPatience)
	defer cancel()
	if c.Self == "" {
		email, err := metadata.EmailWithContext(ctx, "default")
		if err != nil {
			return fmt.Errorf("finding the own service account: set %sSELF to its e-mail address, there is no metadata server here: %w", prefix, err)
		}
		c.Self, c.Connect.Self = email, email
	}
	if c.ownService == "" || c.Place != (Place{}) {
		return nil
	}
	var err error
	if c.Place, err = findPlace(ctx, c.ownService); err != nil {
		return fmt.Errorf("finding the Cloud Run service %s that this is (K_SERVICE): %w; anywhere but on Cloud Run, unset K_SERVICE", c.ownService, err)
	}
	c.Project = cmp.Or(c.Project, c.Place.Service.Project)
	return nil
}

// findPlace reads the metadata of the instance. Source: run/docs/container-contract.
func findPlace(ctx context.Context, service string) (Place, error) {
	found := map[string]string{}
	for _, key := range []string{"project/project-id", "project/numeric-project-id", "instance/region"} {
		value, err := metadata.GetWithContext(ctx, key)
		if err != nil {
			return Place{}, fmt.Errorf("asking the metadata server for %s: %w", key, err)
		}
		found[key] = value
	}
	// The region is projects/NUMBER/regions/REGION.
	own := posture.Target{Project: found["project/project-id"], Location: path.Base(found["instance/region"]), Service: service}
	if _, err := posture.ParseTarget(own.Name()); err != nil {
		return Place{}, err
	}
	return Place{own, found["project/numeric-project-id"]}, nil
}
