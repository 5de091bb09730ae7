package cloud

import (
	"cmp"
	"context"

	"github.com/iapguard/iapguard/internal/cloud/iap"
	"github.com/iapguard/iapguard/internal/posture"
)

// settingsRead is one resource's settings, once they were read.
type settingsRead struct {
	found iap.Settings
	why   string // why they are unread, "" = they were read
}

// readSettings starts to read IAP's settings of every IAP before the service, and of
// what they inherit from, each resource once: those of folders and of the organization
// too (iap/docs/customizing). They are optional: without them it is not
// known who can sign in. attach puts them in their places when all reads have ended.
func (o *observation) readSettings(ctx context.Context, start func(func())) (attach func()) {
	read := map[string]*settingsRead{}
	number := o.p.ProjectNumber
	above := o.p.Ancestors.Containers()
	chain := func(own string, parents []string) []string {
		return append(append(append([]string{own}, parents...), "projects/"+number), above...)
	}
	ruleChain := func(rule posture.Frontend) []string {
		resources := append([]string{rule.AccessResource(rule.IAP.Number)}, rule.AccessParents(rule.IAP.Number)...)
		if resources = append(resources, "projects/"+rule.IAP.Number); rule.IAP.Number == number {
			return append(resources, above...)
		}
		return append(resources, rule.IAP.Ancestors.Containers()...)
	}
	want := func(resources []string) {
		for _, resource := range resources {
			if read[resource] != nil || number == "" {
				continue
			}
			one := &settingsRead{}
			read[resource] = one
			start(func() { one.found, one.why = o.settingsOf(ctx, resource) })
		}
	}
	direct := chain(o.p.Target.AccessResource(number), o.p.Target.AccessParents(number))
	if o.p.Service.IAPOn || len(o.p.Backends) == 0 {
		want(direct)
	}
	for _, backend := range o.p.Backends {
		want(chain(backend.AccessResource(number), backend.AccessParents(number)))
	}
	rules := o.rulesWithIAP()
	for _, rule := range rules {
		want(ruleChain(rule))
	}
	merged := func(resources []string, ancestors posture.Ancestors) posture.IAPSettings {
		var found []iap.Settings
		why, whyAbove := "", ancestors.Unread
		for _, resource := range resources {
			one := read[resource]
			if one == nil {
				return posture.IAPSettings{}
			}
			switch found = append(found, one.found); {
			case posture.AboveProject(resource):
				whyAbove = cmp.Or(whyAbove, one.why)
			default:
				why = cmp.Or(one.why, why)
			}
		}
		settings := iap.Merged(found)
		settings.Unread, settings.UnreadAbove = why, whyAbove
		return settings
	}
	return func() {
		o.p.DirectSettings = merged(direct, o.p.Ancestors)
		for i, backend := range o.p.Backends {
			o.p.Backends[i].Settings = merged(chain(backend.AccessResource(number), backend.AccessParents(number)), o.p.Ancestors)
		}
		for _, rule := range rules {
			ancestors := o.p.Ancestors
			if rule.IAP.Number != number {
				ancestors = rule.IAP.Ancestors
			}
			rule.IAP.Settings = merged(ruleChain(rule), ancestors)
		}
	}
}

// settingsOf reads the settings of one resource. Where IAP's API is off, there are none.
func (o *observation) settingsOf(ctx context.Context, resource string) (iap.Settings, string) {
	read := o.iapSettings
	if posture.AboveProject(resource) {
		read = func(ctx context.Context, container string) (iap.Settings, error) {
			return o.aboveSettings.keep(ctx, container, o.iap.Settings)
		}
	}
	found, err := read(ctx, resource)
	if o.switchedOff(iapAPI, err) {
		return iap.Settings{}, ""
	}
	return found, o.unread.additional(resource+":iapSettings", err)
}
