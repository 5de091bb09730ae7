package protection

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/policy"
	"github.com/iapguard/iapguard/internal/posture"
	"github.com/iapguard/iapguard/internal/posture/posturetest"
)

// row is a posture made worse in one way, and the codes that one protection
// then finds.
type row struct {
	name   string
	change func(*posture.Posture, *policy.Wanted)
	want   []Code
}

// check runs one protection over its rows. Every table begins with the row in
// which everything is right already and nothing may be found.
func check(t *testing.T, protection func(posture.Posture, policy.Wanted) []Finding, rows []row) {
	t.Helper()
	rows = slices.Concat([]row{{"everything is right already", func(*posture.Posture, *policy.Wanted) {}, nil}}, rows)
	for _, tc := range rows {
		p, want := posturetest.Protected(), posturetest.Wanted()
		tc.change(&p, &want)
		var got []Code
		for _, finding := range protection(p, want) {
			got = append(got, finding.Code)
			if finding.Resource == "" || finding.Why == "" || finding.Severity == "" || finding.Disposition == "" {
				t.Errorf("%s: finding %+v lacks resource, reason, severity or disposition", tc.name, finding)
			}
			if finding.Disposition != Gap && finding.Remedy == "" {
				t.Errorf("%s: %s stops the plan and names no remedy", tc.name, finding.Code)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
