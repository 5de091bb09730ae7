package posture

import (
	"fmt"
	"regexp"
	"strings"
)

// The grammars that Google documents for the segments of resource names.
// A name from outside is used only when every segment of it matches, so that
// nothing like "../", "%2F" or a space ever becomes part of an API's URL.
// Sources: resource-manager/docs/creating-managing-projects (project ids),
// the Cloud Run v2 discovery document (service ids: "fewer than 50
// characters"), and RFC 1035 as Compute Engine's discovery document states it.
//
// A look at one service goes through the names of all load balancers of its project, so the
// common grammars are loops: a regular expression took a quarter of such a look's time.
var domainScoped = regexp.MustCompile(
	`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+:[a-z][a-z0-9-]{4,28}[a-z0-9]$`)

// isLabel reports whether s is a lower-case letter, and up to a length letters, digits and hyphens,
// not with a hyphen at its end.
func isLabel(s string, most int) bool {
	if s == "" || len(s) > most || s[0] < 'a' || s[0] > 'z' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isNumber reports whether s is a positive number of some digits, without a leading zero.
func isNumber(s string, most int) bool {
	return s != "" && len(s) <= most && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// isRegion reports whether s is two or three words with hyphens between, and one or two digits at its
// end.
func isRegion(s string) bool {
	letters := strings.TrimRight(s, "0123456789")
	if digits := len(s) - len(letters); digits < 1 || digits > 2 {
		return false
	}
	words := 0
	for word := range strings.SplitSeq(letters, "-") {
		words++
		if len(word) < 2 || len(word) > 20 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return words == 2 || words == 3
}

// MaxName bounds a whole name before any pattern looks at it.
const MaxName = 256

// Global is the location of what belongs to no region.
const Global = "global"

// ValidProject reports whether s is a project id ("my-project",
// "example.com:my-project") or a project number.
func ValidProject(s string) bool {
	return len(s) >= 6 && isLabel(s, 30) || isNumber(s, 19) ||
		len(s) <= MaxName && strings.Contains(s, ":") && domainScoped.MatchString(s)
}

// ValidProjectNumber reports whether s is a project number.
func ValidProjectNumber(s string) bool { return isNumber(s, 19) }

// ValidLocation reports whether s is a region's name or "global".
func ValidLocation(s string) bool {
	return s == Global || isRegion(s)
}

// ValidService reports whether s can be the id of a Cloud Run service.
func ValidService(s string) bool { return isLabel(s, 49) }

// ValidCompute reports whether s can be the name of a Compute Engine resource.
func ValidCompute(s string) bool { return isLabel(s, 63) }

// ValidComputeID reports whether s can be the numeric id that Compute Engine
// gives a resource (an unsigned 64-bit number in its discovery document). Audit
// entries and IAP's resource names use it where a person would use the name.
func ValidComputeID(s string) bool { return isNumber(s, 20) }

// Target is one Cloud Run service, or an instance, which is looked at and never changed.
// It is comparable, and its Name is the
// ordering key of everything said about it. Project is the project's id once
// the project was read; before that it may be the number.
type Target struct {
	Project  string
	Location string
	Service  string // or the instance's name
	Instance bool   // it is a Cloud Run instance (run/docs/instances)
}

// Name is the full resource name: projects/P/locations/L/services/S, or …/instances/I.
func (t Target) Name() string {
	collection := "/services/"
	if t.Instance {
		collection = "/instances/"
	}
	return "projects/" + t.Project + "/locations/" + t.Location + collection + t.Service
}

// String is Name.
func (t Target) String() string { return t.Name() }

// ParseTarget reads the full name of a service or an instance. Its error is one line that
// says what is wrong and what to write.
func ParseTarget(name string) (Target, error) {
	scope, err := ParseScope(name)
	if err != nil {
		return Target{}, err
	}
	if scope.Service == "" {
		return Target{},
			fmt.Errorf("target %s names no service: write projects/PROJECT/locations/LOCATION/services/SERVICE", Quote(name))
	}
	return Target(scope), nil
}

// Scope is where to look: a project, one of its locations, or one service or instance.
// What is empty is not restricted.
type Scope struct {
	Project  string
	Location string
	Service  string
	Instance bool
}

// Name is the resource name of the scope.
func (s Scope) Name() string {
	switch {
	case s.Location == "":
		return "projects/" + s.Project
	case s.Service == "":
		return "projects/" + s.Project + "/locations/" + s.Location
	}
	return Target(s).Name()
}

// ParseScope reads projects/P, projects/P/locations/L,
// projects/P/locations/L/services/S or projects/P/locations/L/instances/I. Its error is one line that says what is
// wrong and what to write.
func ParseScope(name string) (Scope, error) {
	if len(name) > MaxName {
		return Scope{}, fmt.Errorf("target %s is longer than %d characters", Quote(name), MaxName)
	}
	part := strings.Split(name, "/")
	keys := []string{"projects", "locations", "services"}
	valid := []func(string) bool{ValidProject, ValidLocation, ValidService}
	what := []string{"project id or number", "location", "service name"}
	values := make([]string, len(keys))
	if len(part)%2 != 0 || len(part) > 2*len(keys) {
		return Scope{}, notAName(name)
	}
	instance := len(part) == 2*len(keys) && part[4] == "instances"
	if instance {
		keys[2], what[2] = "instances", "instance name"
	}
	for i := 0; i < len(part); i += 2 {
		if part[i] != keys[i/2] {
			return Scope{}, notAName(name)
		}
		if !valid[i/2](part[i+1]) {
			return Scope{}, fmt.Errorf("target %s: %s is not a valid %s", Quote(name), Quote(part[i+1]), what[i/2])
		}
		values[i/2] = part[i+1]
	}
	return Scope{values[0], values[1], values[2], instance}, nil
}

func notAName(name string) error {
	return fmt.Errorf(
		"target %s is not a resource name: write projects/PROJECT[/locations/LOCATION[/services/SERVICE]]", Quote(name))
}
