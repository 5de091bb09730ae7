package safetext

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestHostileTextIsEscaped(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"a host", "shop.example.com/api/*", "shop.example.com/api/*"},
		{"quotes and backslashes", `say "a\b"`, `say "a\b"`},
		{"letters of any script", "Größe 漢字 ñ", "Größe 漢字 ñ"},
		{"a line break", "a\r\nb", `a\r\nb`},
		{"a terminal's control sequence", "\x1b[31mred\x9b", `\x1b[31mred\x9b`},
		{"a reversed text", "a\u202egpj.exe\u2069", `a\u202egpj.exe\u2069`},
		{"a character without width", "pay\u200bpal\ufeff", `pay\u200bpal\ufeff`},
		{"a line separator", "a\u2028b\u0085", `a\u2028b\u0085`},
		{"invalid UTF-8", "a\xffb\xc3", `a\xffb\xc3`},
		{"the replacement character", "a\ufffd", "a\ufffd"},
		{"as long as may be", strings.Repeat("x", 30), strings.Repeat("x", 30)},
		{"too long", strings.Repeat("ü", 31), strings.Repeat("ü", 29) + "…"},
		{"too long once it is escaped", strings.Repeat("\x00", 8), strings.Repeat(`\x00`, 7) + "…"},
	} {
		if got := Escape(tc.text, 30); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b\u202e\xff…", 3)
	f.Fuzz(func(t *testing.T, text string, most int) {
		most %= 1000
		got := Escape(text, most)
		if runes := utf8.RuneCountInString(got); runes > max(1, most) || !utf8.ValidString(got) || Escape(got, most) != got {
			t.Errorf("%d runes of at most %d: %q", runes, most, got)
		}
		if at := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); at >= 0 {
			t.Errorf("%q has %q", got, got[at:])
		}
	})
}
