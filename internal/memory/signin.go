package memory

import (
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// signInLasts is for how long a host counts as a sign-in page after IAP's settings were
	// last seen to name it.
	signInLasts = 7 * 24 * time.Hour
	// mostSignIn bounds how many hosts are remembered.
	mostSignIn = 100
)

// SeeSignIn notes that IAP of a project signs external identities in at a host. It reports
// whether the record changed, which it does once a day at most.
func (d *Deployment) SeeSignIn(project, host string, at time.Time) bool {
	key := clip(project + " " + host)
	if known := d.SignIn[key]; !known.IsZero() && at.Sub(known) < signInLasts/7 {
		return false
	}
	if d.SignIn == nil {
		d.SignIn = map[string]time.Time{}
	}
	for d.SignIn[key].IsZero() && len(d.SignIn) >= mostSignIn {
		delete(d.SignIn, slices.MinFunc(slices.Collect(maps.Keys(d.SignIn)),
			func(a, b string) int { return d.SignIn[a].Compare(d.SignIn[b]) }))
	}
	d.SignIn[key] = at
	return true
}

// SignInAt are the hosts at which IAP of a project signs external identities in, sorted.
func (d *Deployment) SignInAt(project string, now time.Time) []string {
	var hosts []string
	for key, seen := range d.SignIn {
		host, there := strings.CutPrefix(key, project+" ")
		if there && now.Sub(seen) < signInLasts {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}
