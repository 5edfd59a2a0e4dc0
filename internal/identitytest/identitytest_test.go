package identitytest

import (
	"fmt"
	"reflect"
	"testing"
)

type inner struct{ Side int }

type input struct {
	Name  string
	Inner inner
	Tells func()
	own   int
}

func key(v input) (map[string]string, error) {
	return map[string]string{"a": v.Name, "b": fmt.Sprint(v.Name, v.Inner.Side, v.own)}, nil
}

func TestEveryFieldIsLookedAt(t *testing.T) {
	got := fields[input](reflect.TypeFor[input](), "", nil)
	if want := []string{"Name", "Inner.Side", "Tells"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	Check(t, func() input { return input{} }, key, map[string]Rule[input]{
		"Name": In[input]("a", "b"), "Inner.Side": In[input]("b"), "Tells": Out[input]("it only reports"),
	})
}

// Check must reject each of these.
func TestWrongRulesAreFound(t *testing.T) {
	right := func() map[string]Rule[input] {
		return map[string]Rule[input]{"Name": In[input]("a", "b"), "Inner.Side": In[input]("b"), "Tells": Out[input]("it only reports")}
	}
	for what, spoil := range map[string]func(map[string]Rule[input]){
		"a field without a rule":           func(r map[string]Rule[input]) { delete(r, "Inner.Side") },
		"a rule without a field":           func(r map[string]Rule[input]) { r["Height"] = In[input]("a") },
		"a key that does not include it":   func(r map[string]Rule[input]) { r["Inner.Side"] = In[input]("a", "b") },
		"a key that includes it after all": func(r map[string]Rule[input]) { r["Name"] = In[input]("a") },
		"a reason for an included field":   func(r map[string]Rule[input]) { r["Name"] = Out[input]("none") },
		"no reason":                        func(r map[string]Rule[input]) { r["Tells"] = Rule[input]{} },
		"no such key":                      func(r map[string]Rule[input]) { r["Inner.Side"] = In[input]("b", "c") },
	} {
		rules, r := right(), &report{}
		spoil(rules)
		Check(r, func() input { return input{} }, key, rules)
		if len(r.failures) == 0 {
			t.Errorf("%s: no failure is reported", what)
		}
	}
}

type report struct{ failures []string }

func (*report) Helper() {}

func (r *report) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}
