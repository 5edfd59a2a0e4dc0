package identitytest

import (
	"reflect"
	"slices"
	"strings"
)

// Rule says how one field affects the keys.
type Rule[T any] struct {
	In  []string // names of the keys that change with the field; all others must not change
	Why string   // the reason, if no key includes the field

	Change func(*T) // changes the field; nil: changed according to its type
}

// In is the rule for a field that these keys include.
func In[T any](keys ...string) Rule[T] { return Rule[T]{In: keys} }

// Out is the rule for a field that no key includes.
func Out[T any](why string) Rule[T] { return Rule[T]{Why: why} }

// Reporter is the part of testing.TB that Check needs.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Check fails unless rules contain every field of T, by a path such as "Dataset.Splits", and each field affects the keys of base as its
// rule says. The fields of a struct are checked unless a rule names the struct itself. Unexported fields of other packages' types are left
// out, since nobody else can set them.
func Check[T any](t Reporter, base func() T, keys func(T) (map[string]string, error), rules map[string]Rule[T]) {
	t.Helper()
	was, err := keys(base())
	if err != nil {
		t.Errorf("the keys of the base value: %v", err)
		return
	}
	used := map[string]bool{}
	for _, path := range fields(reflect.TypeFor[T](), "", rules) {
		rule, ok := rules[path]
		used[path] = true
		if !ok {
			t.Errorf("%s.%s: this field has no rule. Which results does it change? Add it to the keys that find them, or give the reason why no key includes it", reflect.TypeFor[T](), path)
			continue
		}
		if (len(rule.In) == 0) == (rule.Why == "") {
			t.Errorf("%s: the rule must name either keys or a reason", path)
		}
		v := base()
		if rule.Change != nil {
			rule.Change(&v)
		} else if !change(at(reflect.ValueOf(&v).Elem(), path)) {
			if len(rule.In) > 0 {
				t.Errorf("%s: the rule must say how to change the field", path)
			}
			continue
		}
		now, err := keys(v)
		if err != nil {
			t.Errorf("%s, changed: %v", path, err)
			continue
		}
		for name := range was {
			if in := slices.Contains(rule.In, name); in != (now[name] != was[name]) {
				t.Errorf("%s: the key %q includes it: %t, want %t", path, name, !in, in)
			}
		}
		for _, name := range rule.In {
			if _, ok := was[name]; !ok {
				t.Errorf("%s: there is no key %q", path, name)
			}
		}
	}
	for path := range rules {
		if !used[path] {
			t.Errorf("%s.%s: there is a rule for this field, but no such field", reflect.TypeFor[T](), path)
		}
	}
}

// fields lists the paths of all fields that need rules.
func fields[T any](of reflect.Type, prefix string, rules map[string]Rule[T]) (paths []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		path := prefix + f.Name
		_, named := rules[path]
		switch {
		case !f.IsExported() && !f.Anonymous:
		case f.Type.Kind() == reflect.Struct && !named && f.Type.NumField() > 0:
			paths = append(paths, fields(f.Type, path+".", rules)...)
		default:
			paths = append(paths, path)
		}
	}
	return paths
}

func at(v reflect.Value, path string) reflect.Value {
	for name := range strings.SplitSeq(path, ".") {
		v = v.FieldByName(name)
	}
	return v
}

// change changes v to another value. It returns false if it does not know how.
func change(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(v.Int() + 1)
	case reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(v.Float() + 0.125)
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Slice:
		n := reflect.MakeSlice(v.Type(), v.Len(), v.Len()+1)
		reflect.Copy(n, v)
		more := reflect.New(v.Type().Elem()).Elem()
		if k := more.Kind(); k == reflect.Struct || k == reflect.Interface || k == reflect.Func || k == reflect.Pointer {
			return false
		}
		change(more)
		v.Set(reflect.Append(n, more))
	case reflect.Array:
		return v.Len() > 0 && change(v.Index(v.Len()-1))
	default:
		return false
	}
	return true
}
