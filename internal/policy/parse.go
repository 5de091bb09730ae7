package policy

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/iapguard/iapguard/internal/posture"
)

// file is the text's shape. Strings are checked after decoding, so that every
// complaint can name its rule.
type file struct {
	Version int        `yaml:"version"`
	Rules   []fileRule `yaml:"rules"`
}

type fileRule struct {
	Name  string `yaml:"name"`
	Match struct {
		Projects  []string `yaml:"projects"`
		Locations []string `yaml:"locations"`
		Services  []string `yaml:"services"`
	} `yaml:"match"`
	Mode   string `yaml:"mode"`
	Recipe string `yaml:"recipe"`
	Access struct {
		Members []string `yaml:"members"`
		None    string   `yaml:"none"`
	} `yaml:"access"`
	Settle      string `yaml:"settle"`
	Propagation string `yaml:"propagation"`
}

// Read reads and checks a policy file.
func Read(name string) (Policy, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	policy, err := Parse(text)
	if err != nil {
		return Policy{}, fmt.Errorf("reading policy %s: %w", name, err)
	}
	return policy, nil
}

// Parse reads and checks a policy. Its error names everything that is wrong,
// one line each.
func Parse(text []byte) (Policy, error) {
	var f file
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return Policy{}, errors.New(yamlProblem(err))
	}
	var problems []error
	if f.Version != 1 {
		problems = append(problems, fmt.Errorf("version is %d: write version: 1", f.Version))
	}
	if len(f.Rules) == 0 {
		problems = append(problems, errors.New("no rules: write at least one under rules"))
	}
	policy := Policy{digest: digest(text)}
	names := map[string]bool{}
	for i, raw := range f.Rules {
		rule, err := raw.check()
		where := fmt.Sprintf("rule %d (%s)", i+1, raw.Name)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", where, err))
		}
		if names[raw.Name] {
			problems = append(problems, fmt.Errorf("%s: another rule has this name", where))
		}
		names[raw.Name] = true
		policy.rules = append(policy.rules, rule)
	}
	if err := errors.Join(problems...); err != nil {
		return Policy{}, err
	}
	return policy, nil
}

// yamlProblem keeps the line with position and cause and drops the excerpt of
// the source that the library adds.
func yamlProblem(err error) string {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		position := syntax.GetToken().Position
		return fmt.Sprintf("line %d, column %d: %s", position.Line, position.Column, strings.TrimSpace(syntax.GetMessage()))
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

func (r fileRule) check() (rule, error) {
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	settings := posture.DefaultSettings()
	settings.Rule, settings.Mode = r.Name, posture.ReportOnly
	if r.Name == "" {
		note(errors.New("name is missing"))
	}
	note(choose("mode", r.Mode, &settings.Mode, posture.ReportOnly, posture.Approve, posture.Enforce))
	note(choose("recipe", r.Recipe, &settings.Recipe, posture.RecipeAuto, posture.RecipeLoadBalancer, posture.RecipeOff))
	note(choose("access.none", r.Access.None, &settings.NoneFor, posture.NoneWait, posture.NoneEnable))
	note(duration("settle", r.Settle, maxSettle, &settings.Settle))
	note(duration("propagation", r.Propagation, maxPropagation, &settings.Propagation))
	for _, member := range r.Access.Members {
		note(checkMember(member))
	}
	settings.Access = r.Access.Members
	checked := rule{settings: settings}
	note(patterns("match.projects", r.Match.Projects, &checked.match.projects))
	note(patterns("match.locations", r.Match.Locations, &checked.match.locations))
	note(patterns("match.services", r.Match.Services, &checked.match.services))
	return checked, errors.Join(problems...)
}

// choose sets *into to the value if it is one of the allowed ones; "" leaves it.
func choose[T ~string](key, value string, into *T, allowed ...T) error {
	if value == "" {
		return nil
	}
	words := make([]string, 0, len(allowed))
	for _, one := range allowed {
		if T(value) == one {
			*into = one
			return nil
		}
		words = append(words, string(one))
	}
	return fmt.Errorf("%s is %q: write %s", key, value, strings.Join(words, ", "))
}

func duration(key, value string, most time.Duration, into *time.Duration) error {
	if value == "" {
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > most {
		return fmt.Errorf("%s is %q: write a time from 0s to %s", key, value, most)
	}
	*into = d
	return nil
}

func patterns(key string, texts []string, into *[]pattern) error {
	for _, text := range texts {
		p, err := parsePattern(text)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		*into = append(*into, p)
	}
	return nil
}
