package eventarc

import (
	"strings"
	"testing"
)

func TestPathPatternsMatchAsDocumented(t *testing.T) {
	for _, tc := range []struct {
		pattern string
		yes, no string // separated by spaces
	}{
		{pattern: "projects/p/services/s", yes: "projects/p/services/s /projects/p/services/s",
			no: "projects/p/services/st xprojects/p/services/s"},
		{pattern: "/projects/p/services/*", yes: "projects/p/services/s",
			no: "projects/p/services/s/t projects/p/services/ projects/p/services"},
		{pattern: "projects/*/services/*", yes: "projects/p/services/s", no: "projects/p/q/services/s"},
		{pattern: "projects/_/buckets/**/r*.txt", yes: "projects/_/buckets/r1.txt projects/_/buckets/a/b/r.txt",
			no: "projects/_/buckets/a/x.txt projects/_/buckets/a/rtxt"},
		{pattern: "projects/p/**", yes: "projects/p projects/p/a projects/p/a/b", no: "projects/pq/a"},
		{pattern: "**/services/*", yes: "services/s a/b/services/s", no: "a/bservices/s services/s/t"},
		{pattern: "**", yes: "a a/b/c", no: ""},
		{pattern: "a/**/b/**", yes: "a/b a/x/b/y/z", no: "a/x a/xb"},
		{pattern: "a/**/**", yes: "a/b a/b/c", no: "b"},
		{pattern: "projects/{project}/services/{service=h*o}", yes: "projects/p/services/hello projects/p/services/ho",
			no: "projects/p/services/help"},
		{pattern: "{all=projects/**}", yes: "projects/p projects/p/a", no: "project/p"},
		{pattern: "a.b+c/*", yes: "a.b+c/d", no: "axb+c/d a.bbc/d"},
	} {
		pattern, err := parsePattern(tc.pattern)
		if err != nil {
			t.Errorf("%s: %v", tc.pattern, err)
			continue
		}
		one := filter{attribute: "resourceName", pattern: pattern}
		for names, want := range map[string]bool{tc.yes: true, tc.no: false} {
			for _, name := range strings.Fields(names) {
				if got := one.matches(map[string]string{"resourceName": name}); got != want {
					t.Errorf("%s and %s: %t, want %t", tc.pattern, name, got, want)
				}
			}
		}
	}
}

func TestMalformedPathPatternsAreRefused(t *testing.T) {
	for _, text := range []string{"", "/", "a//b", "a/", "a/b**", "***", "a/{b", "a/b}", "a/{}", "{a={b}}", "a/{1x=*}"} {
		if _, err := parsePattern(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
