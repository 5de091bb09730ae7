package run

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// retention is how long a deleted service keeps its name in answers (recorded:
// expireTime = deleteTime + 30 days).
const retention = 30 * 24 * time.Hour

// spec is what somebody wants of a service.
type spec struct {
	fields map[string]any // of google.cloud.run.v2.Service, normalized, with defaults
	knative
}

// knative is what only the v1 API can say.
type knative struct {
	annotations, labels                 map[string]any // of the service, in Google's namespaces
	templateAnnotations, templateLabels map[string]any
	templateSpec                        map[string]any // fields of RevisionSpec that v2 has no place for here
}

// service is one Cloud Run service.
type service struct {
	identity
	uid                  string
	wanted               spec
	generation, observed int
	created, updated     time.Time
	deleted              time.Time // zero = it is not being deleted
	creator, modifier    string    // e-mail addresses
	operation            string    // id of the latest operation
	failure              string    // why the latest change came to nothing; "" = it did not
	ingress              string    // observed; "" = never ready
	traffic              []any     // observed
	revisions            []*revision
	latestReady          string
	// When the conditions Ready, RoutesReady and ConfigurationsReady changed;
	// zero = never.
	readyAt, routesAt, configurationsAt time.Time
}

// revision is one immutable revision of a service.
type revision struct {
	name, uid string
	created   time.Time
	creator   string
	template  map[string]any // of v2, without revision
	launch    string
	number    int // which of the service's revisions it is, from 1
	knative
	readyAt time.Time
}

// change is one write to a service.
type change struct {
	wanted spec
	by     string
	at     time.Time
	force  bool // a new revision even if the template is the same
}

func (s *service) reconciling() bool { return s.observed < s.generation && s.failure == "" }

// apply makes the service want something new. It takes the new spec or
// refuses it whole.
func (s *service) apply(c change) error {
	revisions := s.revisions
	needed := c.force || len(s.revisions) == 0 || !sameTemplate(s.wanted, c.wanted)
	if needed {
		made, err := s.newRevision(c)
		if err != nil {
			return err
		}
		revisions = append(slices.Clone(revisions), made)
	}
	if err := checkTraffic(apiserver.List(c.wanted.fields, "traffic"), func(name string) bool {
		return slices.ContainsFunc(revisions, func(r *revision) bool { return r.name == name })
	}); err != nil {
		return err
	}
	s.revisions = revisions
	s.wanted = c.wanted
	s.generation++
	s.updated, s.modifier = c.at, c.by
	s.operation, s.failure = apiserver.NewUUID(), ""
	return nil
}

// sameTemplate reports whether two specs run the same revision. The wanted name
// of a revision is part of it: another name is another revision.
func sameTemplate(a, b spec) bool {
	return reflect.DeepEqual(a.fields["template"], b.fields["template"]) &&
		sameObject(a.templateAnnotations, b.templateAnnotations) &&
		sameObject(a.templateLabels, b.templateLabels) && sameObject(a.templateSpec, b.templateSpec)
}

func sameObject(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

func (s *service) newRevision(c change) (*revision, error) {
	template := maps.Clone(apiserver.Object(c.wanted.fields, "template")) // what is inside never changes
	name := apiserver.Text(template, "revision")
	delete(template, "revision")
	number := len(s.revisions) + 1
	if name == "" {
		name = fmt.Sprintf("%s-%05d-%s", s.name, number, suffix())
	}
	for _, each := range s.revisions {
		if each.name == name {
			return nil, apiserver.AlreadyExists("Revision named '%s' with different configuration already exists.", name)
		}
	}
	return &revision{
		name: name, uid: apiserver.NewUUID(), created: c.at, creator: c.by, template: template,
		launch: apiserver.Text(c.wanted.fields, "launchStage"), number: number, knative: c.wanted.knative,
	}, nil
}

// suffix is what a revision's name ends with.
func suffix() string {
	const letters = "bcdfghjklmnpqrstvwxz246789"
	var s [3]byte
	for i := range s {
		s[i] = letters[rand.IntN(len(letters))]
	}
	return string(s[:])
}

// reconciled makes observed what is wanted.
func (s *service) reconciled(at time.Time) {
	s.observed = s.generation
	s.ingress = apiserver.Text(s.wanted.fields, "ingress")
	s.traffic = apiserver.Clone(apiserver.List(s.wanted.fields, "traffic"))
	s.readyAt, s.routesAt = at, at
	if s.configurationsAt.IsZero() {
		s.configurationsAt = at
	}
	for _, each := range s.revisions {
		if each.readyAt.IsZero() {
			each.readyAt = at
		}
	}
	s.latestReady = s.latestCreated()
}

func (s *service) latestCreated() string { return s.revisions[len(s.revisions)-1].name }

// conflict is Google's 409 for a version that is no longer current; versions
// are epoch microseconds (reported for v1; v2 is expected to say the same).
func (s *service) conflict(version int64) error {
	return apiserver.Aborted("Conflict for resource '%s': version '%d' was specified but current version is '%d'.",
		s.name, version, s.updated.UnixMicro())
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }
