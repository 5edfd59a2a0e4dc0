package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

func text(s string) *string { return &s }

func TestCSV(t *testing.T) {
	rows := []Row{
		{Path: "a,b.png", Label: text("cat"), Cluster: 3, Name: text("=cats"), Confidence: 0.25},
		{Path: "bad\xff.png", Cluster: 0, Confidence: 1, Excluded: true},
	}
	for safe, name := range map[bool]string{false: "=cats", true: "'=cats"} {
		var b bytes.Buffer
		computed, err := CSV.Write(&b, slices.Values(rows), safe)
		want := "path,label,cluster,name,confidence,excluded\n\"a,b.png\",cat,3," + name + ",0.25,false\nbad\xff.png,,0,,1,true\n"
		if diff := cmp.Diff(want, b.String()); diff != "" || err != nil || computed != 1 {
			t.Errorf("%d computed, %v (-want +got):\n%s", computed, err, diff)
		}
	}
}

// JSON lines and Parquet contain what was written, including paths that are not UTF-8.
func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []Row
		maybe := func(name string) *string {
			if s := rapid.StringN(0, 6, 20).Draw(t, name); s != "" {
				return &s
			}
			return nil
		}
		for range rapid.IntRange(0, 40).Draw(t, "rows") {
			r := Row{
				Path: string(rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "path")), Label: maybe("label"), Name: maybe("name"),
				Cluster: int64(rapid.IntRange(0, 99).Draw(t, "cluster")), Confidence: rapid.Float64Range(0, 1).Draw(t, "confidence"), Excluded: rapid.Bool().Draw(t, "excluded"),
			}
			rows = append(rows, r)
		}
		var lines, file bytes.Buffer
		for f, to := range map[Format]*bytes.Buffer{JSONL: &lines, Parquet: &file} {
			if _, err := f.Write(to, slices.Values(rows), false); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
		}
		var fromJSON []Row
		for line := range strings.Lines(lines.String()) {
			var r Row
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			fromJSON = append(fromJSON, r)
		}
		fromParquet, err := parquet.Read[Row](bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string][]Row{"JSON lines": fromJSON, "Parquet": fromParquet} {
			for i := range got {
				if len(got[i].PathBytes) > 0 { // a reader may return an empty slice for nil
					got[i].Path = string(got[i].PathBytes)
				}
				got[i].PathBytes = nil
			}
			if len(got) != len(rows) {
				t.Fatalf("%s: %d rows of %d", name, len(got), len(rows))
			}
			for i := range rows {
				if diff := cmp.Diff(rows[i], got[i]); diff != "" {
					t.Fatalf("%s, row %d (-want +got):\n%s", name, i, diff)
				}
			}
		}
	})
}

func TestManyRowsInParquet(t *testing.T) {
	const n = rowGroup + 5000
	var file bytes.Buffer
	_, err := Parquet.Write(&file, func(yield func(Row) bool) {
		for i := range n {
			if !yield(Row{Path: fmt.Sprint(i), Cluster: int64(i % 7)}) {
				return
			}
		}
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil || f.NumRows() != n || len(f.RowGroups()) != 2 {
		t.Fatalf("%v: %d rows in %d groups", err, f.NumRows(), len(f.RowGroups()))
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := Format("xlsx").Write(&bytes.Buffer{}, slices.Values([]Row(nil)), false); err == nil {
		t.Error("no error")
	}
}
