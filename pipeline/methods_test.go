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

var update = flag.Bool("update", false, "write generated documents anew")

// docs/methods.md has the table of methods as the program has it; go test ./pipeline -run MethodsPage -update writes it.
func TestMethodsPage(t *testing.T) {
	const page = "../docs/methods.md"
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| name | p | q | mapper | needs | source | for |\n|---|---|---|---|---|---|---|\n")
	for _, one := range methods.All() {
		m := one.About()
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s | %s | %s |\n", m.Name, m.Supervisory, m.Learned, m.Mapper, m.Needs, m.Source, m.Purpose)
	}
	between := regexp.MustCompile(`(?s)(<!-- methods -->\n).*(<!-- end methods -->)`)
	if !between.Match(content) {
		t.Fatalf("%s has no place for the table", page)
	}
	want := between.ReplaceAllString(string(content), "${1}"+strings.ReplaceAll(table.String(), "$", "$$")+"${2}")
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
