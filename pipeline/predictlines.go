package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"iconic/classify"
	"iconic/internal/spreadsheet"
)

// predictionLines writes one line per image, as they come.
type predictionLines struct {
	app     *app
	json    *json.Encoder // nil: CSV
	csv     *spreadsheet.Writer
	started bool // the header is written
}

func (a *app) predictionLines(safe bool) *predictionLines {
	l := &predictionLines{app: a}
	if a.json {
		l.json = json.NewEncoder(a.out)
		l.json.SetEscapeHTML(false)
	} else {
		l.csv = spreadsheet.NewWriter(a.out, safe)
	}
	return l
}

// path is an image's path in JSON. One that is not UTF-8 stands there as its bytes, too, as in a store's items.jsonl.
type jsonPath struct {
	Path  string `json:"path"`
	Bytes []byte `json:"path_bytes,omitempty"`
}

func jsonPathOf(name string) jsonPath {
	p := jsonPath{Path: name}
	if !utf8.ValidString(name) {
		p.Bytes = []byte(name)
	}
	return p
}

// good tells what an image is. reason is why its file could not be sorted, or empty.
func (l *predictionLines) good(name string, p classify.Prediction, reason string) error {
	if l.json != nil {
		return l.json.Encode(struct {
			jsonPath
			classify.Prediction
			Error string `json:"error,omitempty"`
		}{jsonPathOf(name), p, reason})
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	var distance, runner, runnerName, confidence string
	if p.Distance != nil {
		distance = number(*p.Distance)
	}
	if r := p.RunnerUp; r != nil {
		runner, runnerName, confidence = strconv.Itoa(r.Cluster), r.Name, number(r.Confidence)
	}
	return l.row(name, strconv.Itoa(p.Cluster), p.Name, number(p.Confidence), runner, runnerName, confidence, distance,
		strconv.FormatBool(p.NoneOfThese), reason)
}

// bad tells why an image is not known.
func (l *predictionLines) bad(name, reason string) error {
	if l.json != nil {
		return l.json.Encode(struct {
			jsonPath
			Error string `json:"error"`
		}{jsonPathOf(name), reason})
	}
	return l.row(name, "", "", "", "", "", "", "", "", reason)
}

// row writes a line of CSV, the first one after a header.
func (l *predictionLines) row(cells ...string) error {
	if !l.started {
		l.started = true
		if err := l.csv.Write([]string{"path", "cluster", "name", "confidence", "runner_up", "runner_up_name", "runner_up_confidence", "distance", "none_of_these", "error"}); err != nil {
			return err
		}
	}
	if err := l.csv.Write(cells); err != nil {
		return err
	}
	return l.csv.Flush()
}

// end tells of cells that a spreadsheet would compute.
func (l *predictionLines) end() {
	if l.csv != nil {
		l.app.formulas("", l.csv.Computed, l.csv.Safe)
	}
}

// formulas tells of cells of a CSV file, named unless it goes to standard output, that a spreadsheet would compute.
func (a *app) formulas(file string, cells int, safe bool) {
	if file != "" {
		file += ": "
	}
	switch {
	case cells == 0:
	case safe:
		a.note("%s%d cells begin as formulas do, and have an apostrophe before them now", file, cells)
	default:
		a.warn("%s%d cells begin with =, +, - or @: a spreadsheet takes them for formulas; --csv-safe puts an apostrophe before them", file, cells)
	}
}

// addCSVSafe adds the flag for that.
func addCSVSafe(f *pflag.FlagSet, safe *bool) {
	f.BoolVar(safe, "csv-safe", false, "put an apostrophe before CSV cells that a spreadsheet would take for formulas")
}

// badReason says what is wrong with an image; skipped often begins with the kind.
func badReason(kind, skipped string) string {
	if strings.HasPrefix(skipped, kind) {
		return skipped
	}
	return fmt.Sprintf("%s: %s", kind, skipped)
}

// badExample is a kind of bad images, with one of them and what was wrong there if that says more.
func badExample(kind, example, reason string) string {
	if reason == kind {
		return fmt.Sprintf("%s (such as %s)", kind, example)
	}
	return fmt.Sprintf("%s (such as %s: %s)", kind, example, strings.TrimPrefix(reason, kind+": "))
}
