// Package roles is the custom roles that iapguard's service account is given.
// They are defined in iapguard.yaml, which Terraform reads too; this package
// only lets Go programs read the same file.
package roles

import (
	_ "embed"
	"fmt"

	"go.yaml.in/yaml/v4"
)

//go:embed iapguard.yaml
var file []byte

// Role is one custom role.
type Role struct {
	// ID is the last segment of its name: projects/P/roles/ID.
	ID          string `yaml:"id"`
	Title       string `yaml:"title"`
	Description string `yaml:"description"`
	// BindTo says on what the role is granted.
	BindTo string `yaml:"bindTo"`
	// Optional says that iapguard does without it: on a project it sees less,
	// elsewhere only some policies need it.
	Optional    bool         `yaml:"optional"`
	Permissions []Permission `yaml:"permissions"`
}

// Permission is one permission and what it is needed for.
type Permission struct {
	Name string `yaml:"name"`
	Why  string `yaml:"why"`
	// Optional says that iapguard sees less without it, and decides the same.
	Optional bool `yaml:"optional"`
}

// Load reads the roles. An error means that the file is broken.
func Load() ([]Role, error) {
	var content struct {
		Roles []Role `yaml:"roles"`
	}
	if err := yaml.Load(file, &content, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("reading iapguard.yaml: %w", err)
	}
	return content.Roles, nil
}

// Names are the names of a role's permissions, in order.
func (r Role) Names() []string {
	names := make([]string, len(r.Permissions))
	for i, permission := range r.Permissions {
		names[i] = permission.Name
	}
	return names
}
