package table

import "testing"

func TestNamesThatLookAlike(t *testing.T) {
	for name, c := range map[string]struct {
		classes []string
		n       int
		such    string
	}{
		"none":                        {[]string{"cat", "cats", "Cat", "c at"}, 0, ""},
		"one character or two":        {[]string{"caf\u00e9", "tea", "cafe\u0301"}, 2, `"caf\u00e9" and "cafe\u0301"`},
		"a byte order mark":           {[]string{"disc", "\ufeffdisc"}, 2, `"disc" and "\ufeffdisc"`},
		"spaces of no width":          {[]string{"a", "di\u200bsc", "disc", "disc\u200d"}, 3, `"di\u200bsc" and "disc"`},
		"a space that does not break": {[]string{"sea lion", "sea\u00a0lion"}, 2, `"sea lion" and "sea\u00a0lion"`},
		"blanks around":               {[]string{"disc", "disc ", "\tdisc", "dis c"}, 3, `"disc" and "disc "`},
		"two pairs":                   {[]string{"a\u00ad", "a", "b", "b\u2060"}, 4, `"a\u00ad" and "a"`},
	} {
		if n, such := LookAlike(c.classes); n != c.n || such != c.such {
			t.Errorf("%s: %d, %s: want %d, %s", name, n, such, c.n, c.such)
		}
	}
}
