package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"iconic/head/methods"
)

var update = flag.Bool("update", false, "rewrite generated documents")

// The table of methods in docs/methods.md is generated from the program: go test ./pipeline -run MethodsPage -update writes it.
func TestMethodsPage(t *testing.T) {
	const page = "../docs/methods.md"
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| name | p | q | mapper | needs | source | purpose |\n|---|---|---|---|---|---|---|\n")
	for _, one := range methods.All() {
		m := one.About()
		needs := string(m.Needs)
		if m.Takes != "" {
			needs = string(m.Takes) + ", where given"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s | %s | %s |\n", m.Name, m.Supervisory, m.Learned, m.Mapper, needs, m.Source, m.Purpose)
	}
	want := fillIn(t, string(content), "methods", table.String())
	want = fillIn(t, want, "settings", settingsTable())
	if want == string(content) {
		return
	}
	if !*update {
		t.Fatalf("%s is not up to date: go test ./pipeline -run MethodsPage -update", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fillIn puts text between two markers of a page.
func fillIn(t *testing.T, page, mark, text string) string {
	t.Helper()
	place := regexp.MustCompile(`(?s)(<!-- ` + mark + ` -->\n).*(<!-- end ` + mark + ` -->)`)
	if !place.MatchString(page) {
		t.Fatalf("the page has no place for %s", mark)
	}
	return place.ReplaceAllString(page, "${1}"+strings.ReplaceAll(text, "$", "$$")+"${2}")
}

// settingsTable lists every setting, one row for each range and meaning, with the methods that give it these, grouped by default.
func settingsTable() string {
	var table strings.Builder
	table.WriteString("| setting | range | meaning | used by, with the default |\n|---|---|---|---|\n")
	for _, s := range methods.Settings() {
		type row struct{ bounds, meaning string }
		var rows []row
		defaults, readers := map[row][]string{}, map[row]map[string][]string{}
		for _, m := range methods.All() {
			own, reads := m.Recipe(10).Settings().Find(s.Name)
			if !reads {
				continue
			}
			at, text := row{own.Range, own.Meaning}, defaultText(own)
			if readers[at] == nil {
				rows, readers[at] = append(rows, at), map[string][]string{}
			}
			if readers[at][text] == nil {
				defaults[at] = append(defaults[at], text)
			}
			readers[at][text] = append(readers[at][text], m.About().Name)
		}
		for _, at := range rows {
			var used []string
			for _, text := range defaults[at] {
				used = append(used, text+": "+strings.Join(readers[at][text], ", "))
			}
			fmt.Fprintf(&table, "| `--%s` | %s | %s | %s |\n", s.Name, at.bounds, at.meaning, strings.Join(used, "; "))
		}
	}
	return table.String()
}
