package tampering

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// values replace a part of a JSON file, one after the other.
var values = []string{
	"null", "true", `""`, `"x"`, `"\u001b]0;title\u0007"`, "[]", "[null]", "{}", `{"x":1}`,
	"-1", "0", "1", "2", "-0.5", "4294967296", "1099511627776", "9007199254740993", "9223372036854775807", "-9223372036854775808", "1e300", "-1e300", "1e-300", "1e999",
	"NaN", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", strings.Repeat("[", 20000), strings.Repeat("[", 20000) + strings.Repeat("]", 20000),
}

// JSON yields variants of a JSON file, each with a description. Every part of it is replaced by values of other kinds and sizes, removed
// and repeated; arrays lose their first element and get a copy of their last; and the file is truncated. In an array, the first and the
// last element are changed.
func JSON(file []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for part := range parts(file, 0, "") {
			name, in := part.name, func(s string) []byte {
				return slices.Concat(file[:part.from], []byte(s), file[part.to:])
			}
			for _, v := range values {
				if !yield(fmt.Sprintf("%s: %.40s", name, v), in(v)) {
					return
				}
			}
			was := string(file[part.from:part.to])
			if part.key != "" && (!yield(name+" repeated", in(was+`,`+part.key+`:0`)) || !yield(name+" with no key", in(`0,"x":`+was))) {
				return
			}
			if elements := bytes.TrimSpace(file[part.from:part.to]); elements[0] == '[' {
				var all []json.RawMessage
				if json.Unmarshal(elements, &all) != nil || len(all) == 0 {
					continue
				}
				shorter, _ := json.Marshal(all[1:]) // raw messages that were read can be written
				longer, _ := json.Marshal(append(all, all[len(all)-1]))
				if !yield(name+" one shorter", in(string(shorter))) || !yield(name+" one longer", in(string(longer))) {
					return
				}
			}
		}
		for n := 1; n < 16; n++ {
			if !yield(fmt.Sprintf("cut to %d sixteenths", n), file[:len(file)*n/16]) {
				return
			}
		}
		_ = yield("empty", nil) && yield("twice", append(slices.Clone(file), file...)) && yield("zeros", make([]byte, len(file)))
	}
}

// part is a value in a file: its position, its path and its key.
type part struct {
	name, key string
	from, to  int
}

// parts yields the value at the start of file, and all values within it.
func parts(file []byte, at int, name string) iter.Seq[part] {
	return func(yield func(part) bool) {
		d := json.NewDecoder(bytes.NewReader(file[at:]))
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return
		}
		to := at + int(d.InputOffset())
		walk(file, part{name: name, from: to - len(raw), to: to}, yield)
	}
}

func walk(file []byte, p part, yield func(part) bool) bool {
	if !yield(p) {
		return false
	}
	open := file[p.from]
	if open != '{' && open != '[' {
		return true
	}
	d := json.NewDecoder(bytes.NewReader(file[p.from:p.to]))
	if _, err := d.Token(); err != nil {
		return true
	}
	for i := 0; d.More(); i++ {
		name, key := fmt.Sprintf("%s[%d]", p.name, i), ""
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return true
			}
			name = fmt.Sprintf("%s.%v", p.name, t)
			quoted, _ := json.Marshal(t) // a string that was read
			key = string(quoted)
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return true
		}
		to := p.from + int(d.InputOffset())
		if inner := i > 0 && d.More(); open == '[' && inner {
			continue
		}
		if !walk(file, part{name, key, to - len(raw), to}, yield) {
			return false
		}
	}
	return true
}

// Bytes yields variants of any file: it is truncated, extended, and has the given number of bytes changed, at equal distances.
func Bytes(file []byte, changes int) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for n := range 8 {
			if !yield(fmt.Sprintf("cut to %d eighths", n), file[:len(file)*n/8]) {
				return
			}
		}
		if !yield("a byte short", file[:max(0, len(file)-1)]) || !yield("a byte more", append(slices.Clone(file), 0)) {
			return
		}
		for i := range changes {
			at := i * len(file) / changes
			for _, with := range []byte{0x01, 0x80, 0xff} {
				b := slices.Clone(file)
				b[at] ^= with
				if !yield(fmt.Sprintf("byte %d of %d", at, len(file)), b) {
					return
				}
			}
		}
	}
}
