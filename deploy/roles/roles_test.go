package roles

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryPermissionHasAReasonAndStandsThereOnce(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("the file defines no role")
	}
	permission := regexp.MustCompile(`^[a-z]+\.[A-Za-z]+\.[A-Za-z]+$`)
	seen := map[string]string{}
	for _, role := range all {
		if role.ID == "" || role.Title == "" || role.Description == "" || role.BindTo == "" || len(role.Permissions) == 0 {
			t.Errorf("role %q is not complete: %+v", role.ID, role)
		}
		for _, each := range role.Permissions {
			if !permission.MatchString(each.Name) || each.Why == "" {
				t.Errorf("role %s: permission %q with reason %q", role.ID, each.Name, each.Why)
			}
			// An update needs the get permission too, without the reader's role.
			both := role.ID == "iapguardWriter" && seen[each.Name] == "iapguardReader" && strings.HasSuffix(each.Name, ".get")
			if other, twice := seen[each.Name]; twice && !both {
				t.Errorf("permission %s is in role %s and in role %s", each.Name, other, role.ID)
			}
			seen[each.Name] = role.ID
		}
	}
}

func TestTheInstructionsNameTheSamePermissions(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../docs/reference/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	for of, writes := range map[string]bool{"reader": false, "writer": true} {
		var want, got []string
		for _, role := range all {
			always := role.ID == "iapguardReader" || role.ID == "iapguardInherited" || role.ID == "iapguardAncestors"
			if read := always || role.Optional && (role.BindTo == "project" || role.BindTo == "organization"); read != writes {
				want = append(want, role.Names()...)
			}
		}
		_, table, _ := strings.Cut(string(text), "| permission of the "+of+" | what for |")
		table, _, _ = strings.Cut(table, "\n\n")
		for _, m := range regexp.MustCompile("`([a-z]+\\.[A-Za-z]+\\.[A-Za-z]+)`").FindAllStringSubmatch(table, -1) {
			got = append(got, m[1])
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("deploy/docs/reference/permissions.md, the %s (-roles +table):\n%s", of, diff)
		}
	}
}
