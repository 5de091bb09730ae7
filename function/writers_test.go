package function

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iapguard/iapguard/internal/reconcile"
)

func TestWritersAreReadAllAtOnce(t *testing.T) {
	const a, b = "a@p.iam.gserviceaccount.com", "b@p.iam.gserviceaccount.com"
	for _, tc := range []struct {
		text  string
		want  reconcile.Writers
		wrong []string
	}{
		{"", nil, nil},
		{"none", reconcile.Writers{}, nil},
		{"folders/1=" + a, reconcile.Writers{"folders/1": a}, nil},
		{"folders/1=" + a + ", folders/23=" + b, reconcile.Writers{"folders/1": a, "folders/23": b}, nil},
		{"folders/1=" + a + ",folders/1=" + b, nil, []string{"folders/1 twice"}},
		{"folder/1=" + a + ",folders/x=" + a + ",folders/2=me", nil,
			[]string{`"folder/1=` + a, `"folders/x=` + a, `"folders/2=me"`, "write folders/NUMBER=ACCOUNT@PROJECT"}},
		{"folders/1=" + a + ",", nil, []string{`has ""`}},
		{"all", nil, []string{`"all"`, "or none"}},
		{"projects/p=" + a, nil, []string{`"projects/p=`}},
		{"folders/1=user@example.com", nil, []string{"is not a folder with its account"}},
	} {
		got, err := ParseWriters(tc.text)
		if tc.wrong == nil {
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%q: %v (-want +got):\n%s", tc.text, err, diff)
			}
			continue
		}
		for _, part := range tc.wrong {
			if err == nil || !strings.Contains(err.Error(), part) || !strings.HasPrefix(err.Error(), "IAPGUARD_WRITERS ") {
				t.Errorf("%q: %v, want it to name IAPGUARD_WRITERS and %q", tc.text, err, part)
			}
		}
	}
}
