package posture

import "testing"

func TestWhoCanSignInIsWhatIAPsSettingsSay(t *testing.T) {
	const eng = "principalSet://iam.googleapis.com/locations/global/workforcePools/ours/group/eng"
	pools := IAPSettings{WorkforcePools: []string{"locations/global/workforcePools/ours"}}
	domains := IAPSettings{Domains: []string{"example.com"}}
	for _, tc := range []struct {
		settings IAPSettings
		member   string
		want     bool
	}{
		{IAPSettings{}, "user:a@example.com", true},
		{IAPSettings{}, eng, false},
		{pools, eng, true},
		{pools, "principal://iam.googleapis.com/locations/global/workforcePools/other/subject/s", false},
		{pools, "user:a@example.com", true},
		{domains, "user:a@Example.com", true},
		{domains, "user:a@other.com", false},
		{domains, "domain:other.com", false},
		{domains, "group:g@other.com", true},
		{domains, "serviceAccount:a@p.iam.gserviceaccount.com", true},
	} {
		if got := tc.settings.CanSignIn(tc.member); got != tc.want {
			t.Errorf("%+v, %s: %t, want %t", tc.settings, tc.member, got, tc.want)
		}
	}
}
