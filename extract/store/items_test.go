package store

import (
	"testing"

	"pgregory.net/rapid"
)

func TestItemsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{0,20}`), rapid.String())
		it := Item{
			Row: rapid.IntRange(-1, 1<<40).Draw(t, "row"), Path: text.Draw(t, "path"), Label: rapid.IntRange(-1, 1000).Draw(t, "label"),
			Split: text.Draw(t, "split"), Size: rapid.Int64Range(0, 1<<62).Draw(t, "size"),
		}
		copy(it.Hash[:], rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "hash"))
		if it.Row < 0 {
			it.Kind, it.Skipped = text.Draw(t, "kind"), text.Draw(t, "reason")
		}
		it.Several = rapid.Bool().Draw(t, "several")
		it.Dark = rapid.Bool().Draw(t, "dark")
		it.Gone = rapid.Bool().Draw(t, "gone")
		line := it.append(nil)
		got, err := parseItem(line[:len(line)-1])
		if err != nil || got != it {
			t.Fatalf("%q became %+v (%v)", line, got, err)
		}
	})
}

// FuzzItem compares the fast line reader with the general one: whatever the fast one accepts, both read alike.
func FuzzItem(f *testing.F) {
	for _, line := range []string{
		`{"row":7,"path":"a/b.png","label":3,"split":"train","size":12,"hash":"000102030405060708090a0b0c0d0e0f"}`,
		`{"path":"c.png","size":0,"kind":"truncated","skipped":"cut short"}`,
		`{"row":7,"path":"a/b.png","size":12,"gone":true}`,
		`{"row":7,"path":"a/b.tif","size":12,"several":true,"gone":true}`,
		`{"row":7,"path":"a/b.png","size":12,"several":true,"dark":true,"gone":true}`,
		`{"row":01,"path":"a","size":1}`,
		`{"row":1,"path":"a\u00e9","size":1}`,
		`{"row":1,"path":"a","size":9223372036854775808}`,
		`{"row":1,"path":"a","size":1,"hash":"zz0102030405060708090a0b0c0d0e0f"}`,
		`{"row":1,"path":"a","size":1} `,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		fast, ok := parsePlain(line)
		if !ok {
			return
		}
		if slow, err := parseJSON(line); err != nil || fast != slow {
			t.Fatalf("%q: %+v, want %+v (%v)", line, fast, slow, err)
		}
	})
}
