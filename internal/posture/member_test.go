package posture

import "testing"

func TestAMemberIsTheSameInCapitalLetters(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"user:Alice@Example.com", "user:alice@example.com", true},
		{"group:Team@example.com", "group:team@EXAMPLE.com", true},
		{"user:alice@googlemail.com", "user:alice@gmail.com", true},
		{"domain:Googlemail.com", "domain:gmail.com", true},
		{"user:alice@notgooglemail.com", "user:alice@notgmail.com", false},
		{"user:alice@example.com", "group:alice@example.com", false},
		{"principal://iam.googleapis.com/locations/global/workforcePools/p/subject/A",
			"principal://iam.googleapis.com/locations/global/workforcePools/p/subject/a", false},
		{"allUsers", "allusers", false},
	} {
		if got := SameMember(tc.a, tc.b); got != tc.same {
			t.Errorf("%s and %s are the same: %t, want %t", tc.a, tc.b, got, tc.same)
		}
		policy := Policy{Bindings: []Binding{{Role: RoleAccessor, Members: []string{tc.a}}, {Role: RoleInvoker, Condition: "c",
			Members: []string{tc.a}}}}
		if policy.Holds(RoleAccessor, tc.b) != tc.same || policy.Names(tc.b) != tc.same ||
			policy.HoldsIf(RoleInvoker, tc.b, Condition{Expression: "c"}) != tc.same {
			t.Errorf("a policy that names %s does not treat %s so", tc.a, tc.b)
		}
	}
}
