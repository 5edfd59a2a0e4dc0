package setting

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Setting is one setting of a method, bound to the field that holds it.
type Setting struct {
	Name    string // as a flag: lower case, words joined by hyphens
	Kind    string // placeholder for a value in help: int, number, share, bool, name, or one of a method's own, such as decay or side
	Meaning string // one phrase, with its unit and the meaning of zero
	Range   string // description: "0 to 1"
	// Shorthand marks a setting that only sets others, which are the ones recorded.
	Shorthand bool
	// Inert is the reason why a change may leave the result the same; "" if every change shows.
	Inert string

	set   func(text string) error
	value func() any
	check func(n int) error // checks the value for n rows; n is 0 if their number is not known yet
	judge func(n int) (idle string, err error)
	most  func(n, clusters int) int
	bound string // description of most
}

// Set parses a value. It fails on text that is not a value of the setting's kind; Check checks the range.
func (s Setting) Set(text string) error { return s.set(text) }

// Value returns the current value: an int, float64, bool or string.
func (s Setting) Value() any { return s.value() }

// Text returns Value as text that Set reads exactly.
func (s Setting) Text() string { return Text(s.value()) }

// Check fails, naming setting, value and range, if the value is out of range for n rows of features (0: number unknown).
func (s Setting) Check(n int) error {
	if s.check == nil {
		return nil
	}
	return s.check(n)
}

// DefaultAtMost bounds the default by the size of the set: with n rows in the given number of clusters, a value that the user has not
// chosen is at most most(n, clusters), which bound describes. Fit applies it and leaves chosen values unchanged.
func (s Setting) DefaultAtMost(bound string, most func(n, clusters int) int) Setting {
	s.bound, s.most = bound, most
	return s
}

// Fit lowers a number that still has its default to the bound for n rows in the given number of clusters, and says so; call it only for
// values that the user has not chosen. The note is "" if nothing changed.
func (s Setting) Fit(n, clusters int) (note string, err error) {
	if s.most == nil {
		return "", nil
	}
	was, err := strconv.ParseFloat(s.Text(), 64)
	most := s.most(n, clusters)
	if err != nil || was <= float64(most) {
		return "", err
	}
	if err := s.Set(strconv.Itoa(most)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is %d instead of %g for %d images in %d clusters: at most %s", s.Name, most, was, n, clusters, s.bound), nil
}

// WhenChosen adds what holds only for a value that the user has chosen, for n rows: judge returns the reason why it has no effect beside the other
// settings, or "", and fails if they contradict it. The value is within its range.
func (s Setting) WhenChosen(judge func(n int) (idle string, err error)) Setting {
	s.judge = judge
	return s
}

// Chosen returns a note if the value has no effect for n rows, or "", and fails if other settings contradict it; call it only for values that the user
// has chosen and that are within their range.
func (s Setting) Chosen(n int) (note string, err error) {
	if s.judge == nil {
		return "", nil
	}
	idle, err := s.judge(n)
	if err != nil || idle == "" {
		return "", err
	}
	return fmt.Sprintf("%s %s has no effect: %s", s.Name, s.Text(), idle), nil
}

// Key is the setting's name in a JSON object.
func (s Setting) Key() string { return strings.ReplaceAll(s.Name, "-", "_") }

// Unchanging sets the reason why a change of s may leave the result the same.
func (s Setting) Unchanging(reason string) Setting {
	s.Inert = reason
	return s
}

// Text formats a value so that Set reads the same value.
func Text(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// Int is an integer from least to most; most 0 sets no upper bound.
func Int(name string, to *int, least, most int, meaning string) Setting {
	words := fmt.Sprintf("%d or more", least)
	if most > 0 {
		words = fmt.Sprintf("%d to %d", least, most)
	}
	return Setting{
		Name: name, Kind: "int", Meaning: meaning, Range: words,
		set: func(text string) error {
			v, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("%s %q: want a whole number", name, text)
			}
			*to = v
			return nil
		},
		value: func() any { return *to },
		check: func(int) error {
			if *to < least || most > 0 && *to > most {
				return fmt.Errorf("%s %d: want %s", name, *to, words)
			}
			return nil
		},
	}
}

// Number is a finite number, with a test that NaN must fail and a description of the range: "a positive number".
func Number(name string, to *float64, within func(v float64) bool, words, meaning string) Setting {
	return Setting{
		Name: name, Kind: "number", Meaning: meaning, Range: words,
		set: func(text string) error {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fmt.Errorf("%s %q: want a number", name, text)
			}
			*to = v
			return nil
		},
		value: func() any { return *to },
		check: func(int) error {
			if !within(*to) || math.IsInf(*to, 0) || math.IsNaN(*to) {
				return fmt.Errorf("%s %g: want %s", name, *to, words)
			}
			return nil
		},
	}
}

// Share is a number from 0 to 1.
func Share(name string, to *float64, meaning string) Setting {
	s := Number(name, to, func(v float64) bool { return v >= 0 && v <= 1 }, "a number from 0 to 1", meaning)
	s.Kind = "share"
	return s
}

// Positive is a number above 0.
func Positive(name string, to *float64, meaning string) Setting {
	return Number(name, to, func(v float64) bool { return v > 0 }, "a positive number", meaning)
}

// NotNegative is a number of at least 0.
func NotNegative(name string, to *float64, meaning string) Setting {
	return Number(name, to, func(v float64) bool { return v >= 0 }, "0 or more", meaning)
}

// WithRows adds a check that knows the number of rows, and the description of its range.
func (s Setting) WithRows(words string, check func(n int) error) Setting {
	inner := s.check
	s.Range = words
	s.check = func(n int) error {
		if inner != nil {
			if err := inner(n); err != nil {
				return err
			}
		}
		if n == 0 {
			return nil
		}
		return check(n)
	}
	return s
}

// Bool is true or false.
func Bool(name string, to *bool, meaning string) Setting {
	return Setting{
		Name: name, Kind: "bool", Meaning: meaning, Range: "true or false",
		set: func(text string) error {
			v, err := strconv.ParseBool(text)
			if err != nil {
				return fmt.Errorf("%s %q: want true or false", name, text)
			}
			*to = v
			return nil
		},
		value: func() any { return *to },
	}
}

// Choice is one of several names.
func Choice[S ~string](name string, to *S, meaning string, names ...S) Setting {
	var words []string
	for _, n := range names {
		words = append(words, string(n))
	}
	list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	return Setting{
		Name: name, Kind: "name", Meaning: meaning, Range: list,
		set:   func(text string) error { *to = S(text); return nil },
		value: func() any { return string(*to) },
		check: func(int) error {
			if !slices.Contains(names, *to) {
				return fmt.Errorf("%s %q: want %s", name, string(*to), list)
			}
			return nil
		},
	}
}

// Also makes setting s write a further value after its own: alpha, for example, applies to both distributions unless set otherwise.
func (s Setting) Also(then func()) Setting {
	set := s.set
	s.set = func(text string) error {
		if err := set(text); err != nil {
			return err
		}
		then()
		return nil
	}
	return s
}

// Command is a shorthand: it sets other settings and is not recorded.
func Command(name, kind, words, meaning string, set func(text string) error) Setting {
	return Setting{Name: name, Kind: kind, Meaning: meaning, Range: words, Shorthand: true, set: set, value: func() any { return "" }}
}

// List holds all settings of a method, in the order in which they are applied and shown.
type List []Setting

// Join concatenates lists.
func Join(lists ...List) List { return slices.Concat(lists...) }

// Find returns a setting by name.
func (l List) Find(name string) (Setting, bool) {
	at := slices.IndexFunc(l, func(s Setting) bool { return s.Name == name })
	if at < 0 {
		return Setting{}, false
	}
	return l[at], true
}

// Check checks every value for n rows (0: number unknown), and stops at the first one out of range.
func (l List) Check(n int) error {
	for _, s := range l {
		if err := s.Check(n); err != nil {
			return err
		}
	}
	return nil
}

// Chosen returns the notes on the chosen settings that have no effect for n rows, and fails on one that other settings contradict. All values are within
// their ranges.
func (l List) Chosen(n int, chosen func(name string) bool) (notes []string, err error) {
	for _, s := range l {
		if !chosen(s.Name) {
			continue
		}
		note, err := s.Chosen(n)
		if err != nil {
			return nil, err
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes, nil
}

// Values returns the current values of the settings by name, without shorthands.
func (l List) Values() Values {
	v := Values{}
	for _, s := range l {
		if !s.Shorthand {
			v[s.Name] = s.Value()
		}
	}
	return v
}

// Apply sets every setting in v, in the order of the list. It fails on a name that is not in the list.
func (l List) Apply(v Values) error {
	for _, s := range l {
		if value, given := v[s.Name]; given {
			if err := s.Set(Text(value)); err != nil {
				return err
			}
		}
	}
	for _, name := range v.Names() {
		if _, known := l.Find(name); !known {
			return &Unread{Name: name}
		}
	}
	return nil
}

// Unread is the error for a setting that a method does not read.
type Unread struct {
	Name, Method string
	Readers      []string // methods that read it; empty: none
}

func (e *Unread) Error() string {
	if len(e.Readers) == 0 {
		return fmt.Sprintf("method %s has no setting %s, and neither has any other method: see the settings of %[1]s", e.Method, e.Name)
	}
	return fmt.Sprintf("method %s does not read the setting %s: these do: %s", e.Method, e.Name, strings.Join(e.Readers, ", "))
}

// Values are settings by name: each an int, float64, bool or string.
type Values map[string]any

// Names returns the names in order.
func (v Values) Names() []string {
	names := make([]string, 0, len(v))
	for n := range v {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Equal reports whether both hold the same settings.
func (v Values) Equal(w Values) bool {
	if len(v) != len(w) {
		return false
	}
	for name, a := range v {
		if b, ok := w[name]; !ok || Text(a) != Text(b) {
			return false
		}
	}
	return true
}
