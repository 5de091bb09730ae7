package run

import (
	"slices"
	"strings"
	"time"

	"github.com/iapguard/iapguard/internal/localcloud/apiserver"
)

// A multi-region service is in the location global, and names its regions. In each of
// them is a service of its name, which lists and load balancers see, and which has an
// address and an IAM policy of its own (run/docs/multi-region-services). What else
// these answer, and that a write to one is not refused, is unverified: here each is
// what the service at global is.
const (
	global            = "global"
	regionsAnnotation = "run.googleapis.com/regions"
	multiRegionLabel  = "run.googleapis.com/multi-region-id"
)

// regions are those of a multi-region service, nil = it is in one region.
func (s *service) regions() []string {
	var all []string
	for _, each := range apiserver.List(apiserver.Object(s.wanted.fields, "multiRegionSettings"), "regions") {
		all = append(all, each.(string))
	}
	return all
}

func (s *service) multiRegionID() string {
	return apiserver.Text(apiserver.Object(s.wanted.fields, "multiRegionSettings"), "multiRegionId")
}

// urls are the addresses of a service, and the one of them that is shown first. A
// multi-region service has those of its regions only (unverified).
func (s *service) urls() (first string, all []any) {
	if s.wanted.fields["defaultUriDisabled"] == true {
		return "", nil
	}
	if s.location == global {
		for _, each := range s.regions() {
			_, newer := identity{s.project, each, s.name}.addresses()
			all = append(all, newer)
		}
		return "", all
	}
	older, newer := s.addresses()
	return older, []any{newer, older}
}

// checkRegions refuses regions of a service that cannot be, and gives a new
// multi-region service its id. The texts are unverified. Its caller holds the lock.
func (r *Run) checkRegions(s *service, before string) error {
	settings := apiserver.Object(s.wanted.fields, "multiRegionSettings")
	switch all := s.regions(); {
	case s.location != global && settings != nil:
		return apiserver.Invalid("multi_region_settings: can only be specified for a service in the location global.")
	case s.location != global:
		return nil
	case len(all) == 0:
		return apiserver.Invalid("multi_region_settings.regions: must be specified for a service in the location global.")
	case before == "":
		before = apiserver.NewUUID()
	}
	settings["multiRegionId"] = before
	for _, each := range s.regions() {
		if each == global || !region.MatchString(each) {
			return apiserver.Invalid("multi_region_settings.regions: '%s' is not a valid region.", each)
		}
		if found, err := r.find(identity{s.project, each, s.name}); err == nil && apiserver.Text(found.wanted.labels, multiRegionLabel) != before {
			return apiserver.AlreadyExists("Resource '%s' already exists in region '%s'.", s.name, each)
		}
	}
	return nil
}

// mirror keeps what a multi-region service is in each of its regions. Its caller holds
// the lock.
func (r *Run) mirror(s *service) {
	for _, each := range s.regions() {
		one := s.copy()
		one.location, one.uid = each, apiserver.NewUUID()
		if before, err := r.find(identity{s.project, each, s.name}); err == nil {
			one.uid, one.created = before.uid, before.created
		}
		one.wanted.fields = apiserver.Clone(s.wanted.fields)
		delete(one.wanted.fields, "multiRegionSettings")
		one.wanted.labels = merged(s.wanted.labels, map[string]any{multiRegionLabel: s.multiRegionID()})
		r.used(s.project, each)
		r.services.Put(r.server.Now(), one)
	}
}

// drop removes a service and its policy. Its caller holds the lock.
func (r *Run) drop(s *service) {
	r.services.Drop(r.server.Now(), s.fullName())
	r.server.DeletePolicy(s.fullName())
}

// dropMirrors removes what is left of a multi-region service in regions that it is not
// in any more, and returns it. Its caller holds the lock.
func (r *Run) dropMirrors(s *service) []*service {
	var left []*service
	if s.location != global {
		return nil
	}
	for location := range r.locations[s.project] {
		found, ok := r.services.Get(identity{s.project, location, s.name}.fullName(), time.Time{})
		if ok && apiserver.Text(found.wanted.labels, multiRegionLabel) == s.multiRegionID() &&
			(!s.deleted.IsZero() || !slices.Contains(s.regions(), location)) {
			r.drop(found)
			left = append(left, found)
		}
	}
	return left
}

// readRegions reads the regions of a v1 request.
func readRegions(annotations, fields map[string]any) {
	if text := take(annotations, regionsAnnotation); text != "" {
		var all []any
		for each := range strings.SplitSeq(text, ",") {
			all = append(all, each)
		}
		fields["multiRegionSettings"] = map[string]any{"regions": all}
	}
}
