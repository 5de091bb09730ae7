package posture

import "testing"

func TestForeignIsWhoThePolicyDoesNotKnow(t *testing.T) {
	trust := Trust{Domains: []string{"example.com"}, Members: []string{"user:friend@partner.com",
		"serviceAccount:*@ci.iam.gserviceaccount.com", "group:open@partner.com",
		"principalSet://iam.googleapis.com/locations/global/workforcePools/ours/*"},
		Projects: []string{"shop-prod", "777"}}
	for member, want := range map[string]struct{ foreign, joinable bool }{
		"user:a@example.com":       {},
		"user:a@EXAMPLE.com":       {},
		"user:a@partner.com":       {foreign: true},
		"user:friend@partner.com":  {},
		"user:Friend@partner.com":  {},
		"group:g@example.com":      {},
		"group:g@googlegroups.com": {foreign: true, joinable: true},
		"group:open@partner.com":   {},
		"domain:example.com":       {},
		"domain:partner.com":       {foreign: true},
		"serviceAccount:a@demo-project.iam.gserviceaccount.com":                           {},
		"serviceAccount:demo-project@appspot.gserviceaccount.com":                         {},
		"serviceAccount:other@appspot.gserviceaccount.com":                                {foreign: true},
		"serviceAccount:123456789012-compute@developer.gserviceaccount.com":               {},
		"serviceAccount:999999999999-compute@developer.gserviceaccount.com":               {foreign: true},
		"serviceAccount:777-compute@developer.gserviceaccount.com":                        {},
		"serviceAccount:777@cloudbuild.gserviceaccount.com":                               {},
		"serviceAccount:999@cloudservices.gserviceaccount.com":                            {foreign: true},
		"serviceAccount:shop-prod@appspot.gserviceaccount.com":                            {},
		"serviceAccount:a@shop-prod.iam.gserviceaccount.com":                              {},
		"serviceAccount:a@demo-project.evil.iam.gserviceaccount.com":                      {foreign: true},
		"serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com":          {},
		"serviceAccount:service-1@gcp-sa-iap.iam.gserviceaccount.com":                     {foreign: true},
		"serviceAccount:p777-5@gcp-sa-logging.iam.gserviceaccount.com":                    {},
		"serviceAccount:service-999@demo-project.iam.gserviceaccount.com":                 {foreign: true},
		"serviceAccount:apis@system.gserviceaccount.com":                                  {},
		"serviceAccount:a@elsewhere.iam.gserviceaccount.com":                              {foreign: true},
		"serviceAccount:a@ci.iam.gserviceaccount.com":                                     {},
		"principalSet://iam.googleapis.com/locations/global/workforcePools/ours/*":        {},
		"principalSet://iam.googleapis.com/locations/global/workforcePools/other/*":       {foreign: true, joinable: true},
		"principalSet://iam.googleapis.com/locations/global/workforcePools/other/group/g": {foreign: true},
		"principal://iam.googleapis.com/locations/global/workforcePools/other/subject/s":  {foreign: true},
		"allUsers":                  {},
		"projectOwner:demo-project": {},
	} {
		if got := trust.Foreign(member, "demo-project", "123456789012"); got != want.foreign {
			t.Errorf("%s: foreign %t, want %t", member, got, want.foreign)
		}
		if got := trust.Joinable(member); got != want.joinable {
			t.Errorf("%s: joinable %t, want %t", member, got, want.joinable)
		}
		if (Trust{}).Foreign(member, "demo-project", "123456789012") || (Trust{}).Joinable(member) {
			t.Errorf("%s: foreign or joinable without domains, want neither", member)
		}
	}
}
