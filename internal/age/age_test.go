package age

import (
	"testing"
	"time"
)

func TestAgesAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]time.Duration{"30d": 30 * day, "2w": 14 * day, "12h": 12 * time.Hour, "90m": 90 * time.Minute, "1.5 d": 36 * time.Hour, "0d": 0} {
		var a Age
		if err := a.Set(text); err != nil || time.Duration(a) != want {
			t.Errorf("%s is %v, %v; want %v", text, time.Duration(a), err, want)
		}
		var again Age
		if text := a.String(); text != "" {
			if err := again.Set(text); err != nil || again != a {
				t.Errorf("%s is written as %s, which is %v, %v", text, text, time.Duration(again), err)
			}
		}
	}
	for _, text := range []string{"", "30", "d", "-1d", "a month", "1e9d", "NaNd", "5y"} {
		if err := new(Age).Set(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestSince(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"just now": 59 * time.Second, "1 minute ago": time.Minute, "23 hours ago": 23*time.Hour + 59*time.Minute, "1 day ago": day,
		"400 days ago": 400 * day, "2 years ago": 800 * day,
	} {
		if got := Since(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
