package sweep

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"iconic/internal/regular"
	"iconic/internal/spelling"
	"iconic/run"
)

// Combination holds values by setting name (run.Settings) for one point of a sweep. Settings that it does not name have the method's
// defaults; Plan refuses other names.
type Combination map[string]string

// repeats reports whether a combination with the same runs as other is no point of its own: neither has another value of a setting that only sets
// others. With α = 0 it does not matter on which sides α is, but the curve of each side begins there.
func (c Combination) repeats(other Combination, settings []run.Setting) bool {
	return !slices.ContainsFunc(settings, func(s run.Setting) bool {
		return s.Shorthand && c[s.Name] != "" && other[s.Name] != "" && c[s.Name] != other[s.Name]
	})
}

// Grid lists all combinations of values, the last setting varying fastest. Names that are not those of settings are kept, and a setting without values has
// an empty one, for Plan to refuse.
func Grid(values map[string][]string) []Combination {
	var names []string
	for _, s := range run.Settings() {
		names = append(names, s.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	list := []Combination{{}}
	for _, setting := range names {
		given, asked := values[setting]
		switch {
		case !asked:
			continue
		case len(given) == 0:
			given = []string{""}
		}
		var longer []Combination
		for _, c := range list {
			for _, v := range given {
				next := Combination{setting: strings.TrimSpace(v)}
				for name, value := range c {
					next[name] = value
				}
				longer = append(longer, next)
			}
		}
		list = longer
	}
	return list
}

// ListError says what is wrong with a list of combinations.
type ListError struct {
	File    string
	Line    int // 0: the whole file
	Problem string
}

func (e *ListError) Error() string {
	if e.Line == 0 {
		return e.File + " " + e.Problem
	}
	return place(e.File, e.Line) + ": " + e.Problem
}

// ReadList reads combinations from a file, one per line, such as "alpha=0.2 batch=1024". Empty lines, text after # and a byte order mark are
// ignored. For each combination origins has the file and the line, for Options.Origins.
func ReadList(name string) (list []Combination, origins []string, err error) {
	f, _, err := regular.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	return readList(f, name)
}

func readList(r io.Reader, name string) (list []Combination, origins []string, err error) {
	lines, settings, at := bufio.NewScanner(r), run.Settings(), 0
	for lines.Scan() {
		at++
		line := lines.Text()
		if at == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		text, _, _ := strings.Cut(line, "#")
		c := Combination{}
		for _, word := range strings.Fields(text) {
			setting, value, ok := strings.Cut(word, "=")
			was, twice := c[setting]
			if known := slices.ContainsFunc(settings, func(s run.Setting) bool { return s.Name == setting }); !ok || !known {
				return nil, nil, &ListError{name, at, unknown(word, setting, settings)}
			}
			switch {
			case twice && was != value:
				return nil, nil, &ListError{name, at, fmt.Sprintf("%s is given twice, as %s and as %s: give each combination a line of its own", setting, was, value)}
			case setting == "clusters" && value == run.AutoClusters:
				return nil, nil, &ListError{name, at, fmt.Sprintf("%q: want a number of clusters, such as clusters=10; a sweep over several numbers suggests one", word)}
			}
			c[setting] = value
		}
		if len(c) > 0 {
			list, origins = append(list, c), append(origins, place(name, at))
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, nil, &ListError{name, at + 1, fmt.Sprintf("the line has more than %d characters: give each combination a line of its own", bufio.MaxScanTokenSize)}
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(list) == 0 {
		return nil, nil, &ListError{File: name, Problem: "lists no combination"}
	}
	return list, origins, nil
}

// unknown says what is wrong with a word of a list that sets no setting.
func unknown(word, name string, settings []run.Setting) string {
	if name == "seed" || name == "seeds" {
		return fmt.Sprintf("%q: each combination is trained with every seed: leave it out, and give the number of seeds with the sweep", word)
	}
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
	}
	problem := fmt.Sprintf("%q: want name=value with a training setting", word)
	if meant := spelling.Meant(name, names); meant != "" && meant != name {
		problem += fmt.Sprintf("; did you mean %s?", meant)
	}
	return problem
}

// place names a line of a file.
func place(file string, line int) string { return fmt.Sprintf("%s, line %d", file, line) }
