package run

import (
	"context"
	"path"
	"strings"

	"github.com/iapguard/iapguard/internal/posture"
)

// Deployed is how a service runs.
type Deployed struct {
	URLs []string // at which the service is called
	// Variables are the environment variables of its containers that are not references, by name.
	Variables map[string]string
	// Files are the secrets that are mounted as files, projects/P/secrets/S, by their paths.
	Files map[string]string
}

// Deployed reads how a service runs.
func (c *Client) Deployed(ctx context.Context, target posture.Target) (Deployed, error) {
	found, err := c.get(ctx, target)
	if err != nil {
		return Deployed{}, err
	}
	deployed := Deployed{URLs: found.Urls, Variables: map[string]string{}, Files: map[string]string{}}
	if found.Template == nil {
		return deployed, nil
	}
	secrets := map[string]map[string]string{} // by volume and path
	for _, volume := range found.Template.Volumes {
		if volume.Secret == nil {
			continue
		}
		name := volume.Secret.Secret
		if !strings.Contains(name, "/") {
			name = "projects/" + target.Project + "/secrets/" + name
		}
		secrets[volume.Name] = map[string]string{}
		for _, item := range volume.Secret.Items {
			secrets[volume.Name][item.Path] = name
		}
	}
	for _, container := range found.Template.Containers {
		for _, one := range container.Env {
			deployed.Variables[one.Name] = one.Value
		}
		for _, mount := range container.VolumeMounts {
			for file, secret := range secrets[mount.Name] {
				deployed.Files[path.Join(mount.MountPath, file)] = secret
			}
		}
	}
	return deployed, nil
}
