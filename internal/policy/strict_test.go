package policy

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy/stuck"
	"github.com/iapguard/iapguard/internal/posture"
)

// notOfARule are what is said about a service in another way than by a rule.
var notOfARule = []string{"Rule", "Exemption", "Doors", "Hold", "SkippedRules", "Undecided", "PolicyUnread", "ModeAgain", "Notice"}

func TestEverySettingOfARuleIsCompared(t *testing.T) {
	compared := slices.Clone(notOfARule)
	for _, each := range strictnesses {
		compared = append(compared, each.field...)
	}
	var all []string
	for i := range reflect.TypeFor[Settings]().NumField() {
		all = append(all, reflect.TypeFor[Settings]().Field(i).Name)
	}
	slices.Sort(all)
	slices.Sort(compared)
	if diff := cmp.Diff(all, compared); diff != "" {
		t.Errorf("a setting that is not compared could be loosened by a label (-settings +compared):\n%s", diff)
	}
}

func TestWhatIsLessStrictIsNamed(t *testing.T) {
	const alice, bob = "user:alice@example.com", "user:bob@example.com"
	day := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	type settings = Settings
	night := stuck.Window{From: 2 * time.Hour, To: 4 * time.Hour}
	closes := func(after time.Duration, window stuck.Window) func(*settings) {
		return func(s *settings) { s.WhenStuck = stuck.Rule{After: after, Do: stuck.Close, Window: window} }
	}
	for _, tc := range []struct {
		key           string
		strict, loose func(*settings)
		apart         bool // neither is as strict as the other
	}{
		{"mode", func(s *settings) { s.Mode = Enforce }, func(s *settings) { s.Mode = Approve }, false},
		{"mode", func(s *settings) { s.Mode = Approve }, func(s *settings) { s.Mode = ReportOnly }, false},
		{"recipe", func(s *settings) { s.Recipe = RecipeDirect }, func(s *settings) {}, true},
		{"recipe", func(s *settings) { s.Recipe = RecipeLoadBalancer }, func(s *settings) {}, true},
		{"recipe", func(s *settings) {}, func(s *settings) { s.Recipe = RecipeOff }, true},
		{"withoutLoadBalancer", func(s *settings) { s.WithoutLoadBalancer = WithoutClose }, func(s *settings) {}, false},
		{"withoutLoadBalancer", func(s *settings) { s.WithoutLoadBalancer = WithoutDirect }, func(s *settings) {}, true},
		{"whenStuck", closes(72*time.Hour, night), func(s *settings) {}, false},
		{"whenStuck", closes(72*time.Hour, night), func(s *settings) { s.WhenStuck = stuck.Rule{After: time.Hour, Do: stuck.Report} }, false},
		{"whenStuck", closes(time.Hour, night), closes(2*time.Hour, night), false},
		{"whenStuck", closes(time.Hour, stuck.Window{}), closes(time.Hour, night), false},
		{"whenStuck", closes(time.Hour, night), closes(time.Hour, stuck.Window{From: time.Hour, To: 5 * time.Hour}), true},
		{"access.members", func(s *settings) { s.Access = []string{alice} },
			func(s *settings) { s.Access = []string{bob, alice} }, false},
		{"access.members", func(s *settings) { s.Access = []string{alice} },
			func(s *settings) { s.Access = []string{bob} }, true},
		{"access.members", func(s *settings) {}, func(s *settings) { s.Access = []string{bob} }, true},
		{"approvers", func(s *settings) { s.Approvers = []string{alice} },
			func(s *settings) { s.Approvers = []string{alice, bob} }, false},
		{"approvers", func(s *settings) {}, func(s *settings) { s.Approvers = []string{alice} }, false},
		{"access.condition", func(s *settings) { s.AccessCondition = posture.Condition{Title: "a", Expression: "a"} },
			func(s *settings) {}, false},
		{"access.condition", func(s *settings) { s.AccessCondition = posture.Condition{Title: "a", Expression: "a"} },
			func(s *settings) { s.AccessCondition = posture.Condition{Title: "a", Expression: "b"} }, true},
		{"access.none", func(s *settings) { s.NoneFor = NoneEnable }, func(s *settings) {}, false},
		{"oauthClient", func(s *settings) { s.OAuthClient.ID = "1.apps.googleusercontent.com" }, func(s *settings) {}, true},
		{"ingress", func(s *settings) {}, func(s *settings) { s.KeepIngress = true }, false},
		{"publicInvokers", func(s *settings) {}, func(s *settings) { s.KeepInvokers = true }, false},
		{"since", func(s *settings) {}, func(s *settings) { s.Since = day }, false},
		{"since", func(s *settings) { s.Since = day }, func(s *settings) { s.Since = day.Add(time.Hour) }, false},
		{"since", func(s *settings) { s.Since, s.Existing = day, true }, func(s *settings) { s.Since = day }, false},
		{"private", func(s *settings) {}, func(s *settings) { s.Private = PrivateBehindIAP }, false},
		{"private", func(s *settings) { s.Private = PrivateInclude }, func(s *settings) { s.Private = PrivateBehindIAP }, true},
		{"settle", func(s *settings) { s.Settle = 0 }, func(s *settings) {}, false},
		{"quiet", func(s *settings) { s.Quiet = 0 }, func(s *settings) {}, false},
		{"propagation", func(s *settings) {}, func(s *settings) { s.Propagation = time.Hour }, false},
		{"limits", func(s *settings) {}, func(s *settings) { s.Limits.PerProject = 9 }, false},
		{"limits", func(s *settings) { s.Limits.Overall = 51 }, func(s *settings) {}, false},
		{"redeploy", func(s *settings) { s.Redeploy = RedeployOff }, func(s *settings) {}, false},
		{"redeploy", func(s *settings) {}, func(s *settings) { s.Redeploy = RedeployEnforce }, false},
		{"callers", func(s *settings) {}, func(s *settings) { s.Callers = BreakStopOnRequests }, false},
		{"probe", func(s *settings) { s.Probe = ProbeOn }, func(s *settings) {}, false},
		{"redeployImage", func(s *settings) {}, func(s *settings) { s.RedeployImage = ImageGoOn }, false},
		{"redeployImage", func(s *settings) { s.RedeployImage = ImageRefuse }, func(s *settings) {}, false},
	} {
		strict, loose := DefaultSettings(), DefaultSettings()
		tc.strict(&strict)
		tc.loose(&loose)
		if diff := cmp.Diff([]string{tc.key}, LessStrict(loose, strict)); diff != "" {
			t.Errorf("%s: %+v under %+v (-want +got):\n%s", tc.key, loose, strict, diff)
		}
		var want []string
		if tc.apart {
			want = []string{tc.key}
		}
		if diff := cmp.Diff(want, LessStrict(strict, loose)); diff != "" {
			t.Errorf("%s: the other way round (-want +got):\n%s", tc.key, diff)
		}
		if LessStrict(strict, strict) != nil {
			t.Errorf("%s: it is less strict than itself", tc.key)
		}
	}
}

func TestNoMembersIsStricterOnlyWithIAPEnabled(t *testing.T) {
	base, labelled := DefaultSettings(), DefaultSettings()
	base.Access = []string{"user:alice@example.com"}
	if diff := cmp.Diff([]string{"access.members"}, LessStrict(labelled, base)); diff != "" {
		t.Errorf("IAP would stay off (-want +got):\n%s", diff)
	}
	labelled.NoneFor = NoneEnable
	if got := LessStrict(labelled, base); got != nil {
		t.Errorf("nobody gets in, and it is less strict in %q", got)
	}
}
