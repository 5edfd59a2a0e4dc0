package age

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Age is a length of time written as "30d", "2w", "12h" or "90m". It is a flag value.
type Age time.Duration

const day = 24 * time.Hour

var units = []struct {
	name  string
	worth time.Duration
}{{"w", 7 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}}

// Set parses an age.
func (a *Age) Set(text string) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(strings.TrimSpace(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n >= 0 && n < float64(100*365*day/u.worth)) {
			break
		}
		*a = Age(n * float64(u.worth))
		return nil
	}
	return fmt.Errorf("%q: want a number of weeks, days, hours or minutes, such as 2w, 30d, 12h or 90m", text)
}

func (a *Age) String() string {
	if *a == 0 {
		return ""
	}
	for _, u := range units {
		if time.Duration(*a)%u.worth == 0 {
			return fmt.Sprintf("%d%s", time.Duration(*a)/u.worth, u.name)
		}
	}
	return time.Duration(*a).String()
}

// Type is the value's name in a flag's help.
func (a *Age) Type() string { return "age" }

// Since says how long ago something was, for people: "just now", "5 hours ago", "3 days ago".
func Since(d time.Duration) string {
	const year = 365 * day
	for _, u := range []struct {
		name  string
		worth time.Duration
	}{{"year", year}, {"day", day}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if n := d / u.worth; n >= 2 || n == 1 && u.worth != year {
			plural := "s"
			if n == 1 {
				plural = ""
			}
			return fmt.Sprintf("%d %s%s ago", n, u.name, plural)
		}
	}
	return "just now"
}
