package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	writer "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/pierrec/lz4/v4"
	"pgregory.net/rapid"
)

// open opens a file in memory.
func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// each calls see for every row of a column, with its values and its index in them.
func each(t testing.TB, f *File, column int, see func(row int, v *Values, i int)) {
	t.Helper()
	row := 0
	for g := range f.Groups {
		c, err := f.Begin(g, column)
		if err != nil {
			t.Fatal(err)
		}
		pages, err := c.Pages()
		if err != nil {
			t.Fatal(err)
		}
		for p := range pages {
			v, err := c.Load(p, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			if v.Len() != c.Page(p).Rows {
				t.Fatalf("%d rows in a page of %d", v.Len(), c.Page(p).Rows)
			}
			for i := range v.Len() {
				see(row, v, i)
				row++
			}
		}
	}
	if int64(row) != f.Rows {
		t.Errorf("column %s: %d of %d rows", f.Columns[column].Name(), row, f.Rows)
	}
}

// TestKinds reads files written by pyarrow (scripts/oracle/parquet.py): every encoding, codec and page version, with and without missing
// values.
func TestKinds(t *testing.T) {
	for _, version := range []string{"1", "2"} {
		content, err := os.ReadFile(filepath.Join("testdata", "kinds-"+version+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		f := open(t, content)
		if len(f.Columns) != 20 || f.Rows != 60 || len(f.Groups) != 2 {
			t.Fatalf("%d columns, %d rows, %d groups", len(f.Columns), f.Rows, len(f.Groups))
		}
		for column, c := range f.Columns {
			pages := 0
			each(t, f, column, func(row int, v *Values, i int) {
				if i == 0 {
					pages++
				}
				want := row * 7 % 31
				if strings.HasSuffix(c.Name(), "_gaps") && row%5 == 3 {
					if v.Has(i) {
						t.Errorf("version %s, %s, row %d: a value, want none", version, c.Name(), row)
					}
					return
				}
				switch {
				case !v.Has(i):
					t.Errorf("version %s, %s, row %d: no value", version, c.Name(), row)
				case c.Type == Bytes:
					if got, want := string(v.Bytes(i)), strings.Repeat(fmt.Sprintf("value-%d", want), 1+want%3); got != want {
						t.Errorf("version %s, %s, row %d: %q, want %q", version, c.Name(), row, got, want)
					}
				default:
					if c.Type == Boolean {
						want %= 2
					}
					if got, whole := v.Number(i); !whole || got != int64(want) {
						t.Errorf("version %s, %s, row %d: %d, want %d", version, c.Name(), row, got, want)
					}
				}
			})
			if strings.HasPrefix(c.Name(), "binary") && !strings.Contains(c.Name(), "dictionary") && pages < 6 {
				t.Errorf("%s has %d pages, want several in each group", c.Name(), pages)
			}
		}
	}
}

// TestPagesAreFoundAsTheyAreAskedFor: a row's page is found without reading the headers after it, and rows may be requested in any order.
func TestPagesAreFoundAsTheyAreAskedFor(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "kinds-1.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, content)
	column, _ := f.Find("binary")
	whole, err := f.Begin(0, column)
	if err != nil {
		t.Fatal(err)
	}
	n, err := whole.Pages()
	if err != nil || n < 5 {
		t.Fatalf("%d pages, %v", n, err)
	}
	c, err := f.Begin(0, column)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []int{0, 20, 7, 39, 12} {
		page, err := c.Find(row)
		if err != nil {
			t.Fatal(err)
		}
		if p := c.Page(page); p != whole.Page(page) || row < p.First || row >= p.First+p.Rows {
			t.Errorf("row %d in rows %d to %d", row, p.First, p.First+p.Rows-1)
		}
		if row == 0 && len(c.pages) != 1 {
			t.Errorf("%d pages were read for the first row", len(c.pages))
		}
	}
	if _, err := c.Find(40); err == nil {
		t.Error("a row beyond the last has a page")
	}
}

// TestGroupsAndMeanings reads another file written by pyarrow, in which empty row groups have no position, and columns state their meaning.
func TestGroupsAndMeanings(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "groups.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, content)
	var rows []int64
	for _, g := range f.Groups {
		rows = append(rows, g.Rows)
	}
	if diff := cmp.Diff([]int64{0, 1, 0, 2}, rows); diff != "" {
		t.Fatal(diff)
	}
	meant := map[string]string{}
	for i := range f.Columns {
		c := &f.Columns[i]
		meant[c.Name()] = c.String()
	}
	if diff := cmp.Diff(map[string]string{
		"text": "text", "json": "text", "unsigned32": "whole numbers", "unsigned64": "whole numbers", "day": "times", "money": "decimal numbers",
		"second": "times", "turn": "whole numbers", "nested.bytes": "binary values", "nested.path": "text", "list.list.element": "lists",
	}, meant); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string][]int64{
		"unsigned32": {1<<32 - 1, 0, 1 << 31}, "unsigned64": {1<<63 - 1, 0, 1}, "day": {0, 1, 2}, "turn": {1<<31 - 1, -1 << 31, 5},
	} {
		column, _ := f.Find(name)
		each(t, f, column, func(row int, v *Values, i int) {
			if got, whole := v.Number(i); !whole || got != want[row] {
				t.Errorf("%s, row %d: %d, %t; want %d", name, row, got, whole, want[row])
			}
		})
	}
	column, _ := f.Find("nested", "bytes")
	each(t, f, column, func(row int, v *Values, i int) {
		if v.Has(i) != (row == 0) || row == 0 && string(v.Bytes(i)) != "x" {
			t.Errorf("nested, row %d: %t", row, v.Has(i))
		}
	})
}

// TestWhatAnotherLibraryWrites compares the reader with parquet-go's writer, for various values, page sizes, codecs and encodings.
func TestWhatAnotherLibraryWrites(t *testing.T) {
	type record struct {
		Image struct {
			Bytes []byte `parquet:"bytes,optional"`
			Path  string `parquet:"path,optional"`
		} `parquet:"image"`
		Delta []byte `parquet:"delta,delta"`
		Label *int64 `parquet:"label,optional"`
		Class string `parquet:"class,dict"`
	}
	rapid.Check(t, func(r *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) record {
			var one record
			one.Image.Bytes = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(r, "bytes")
			one.Delta = []byte(rapid.StringMatching(`[ab]{0,40}`).Draw(r, "delta"))
			if v := rapid.Int64().Draw(r, "label"); v%3 != 0 {
				one.Label = &v
			}
			one.Class = rapid.SampledFrom([]string{"disc", "box", "line", ""}).Draw(r, "class")
			return one
		}), 1, 200).Draw(r, "rows")
		var b bytes.Buffer
		w := writer.NewGenericWriter[record](&b,
			writer.PageBufferSize(rapid.IntRange(1, 5000).Draw(r, "page")), writer.MaxRowsPerRowGroup(int64(rapid.IntRange(1, 300).Draw(r, "group"))),
			writer.DataPageVersion(rapid.IntRange(1, 2).Draw(r, "version")), writer.Compression(rapid.SampledFrom([]compress.Codec{
				&writer.Uncompressed, &writer.Snappy, &writer.Gzip, &writer.Zstd, &writer.Brotli, &writer.Lz4Raw,
			}).Draw(r, "codec")))
		if _, err := w.Write(rows); err != nil {
			r.Fatal(err)
		}
		if err := w.Close(); err != nil {
			r.Fatal(err)
		}
		f := open(t, b.Bytes())
		column := func(path ...string) int {
			i, ok := f.Find(path...)
			if !ok {
				r.Fatalf("no column %v", path)
			}
			return i
		}
		each(t, f, column("image", "bytes"), func(row int, v *Values, i int) {
			if !bytes.Equal(v.Bytes(i), rows[row].Image.Bytes) {
				r.Fatalf("row %d: different bytes", row)
			}
		})
		each(t, f, column("delta"), func(row int, v *Values, i int) {
			if !bytes.Equal(v.Bytes(i), rows[row].Delta) {
				r.Fatalf("row %d: delta %q", row, v.Bytes(i))
			}
		})
		each(t, f, column("class"), func(row int, v *Values, i int) {
			if string(v.Bytes(i)) != rows[row].Class {
				r.Fatalf("row %d: class %q", row, v.Bytes(i))
			}
		})
		each(t, f, column("label"), func(row int, v *Values, i int) {
			if v.Has(i) != (rows[row].Label != nil) {
				r.Fatalf("row %d: has a label: %v", row, v.Has(i))
			}
			if got, _ := v.Number(i); v.Has(i) && got != *rows[row].Label {
				r.Fatalf("row %d: label %d", row, got)
			}
		})
	})
}

// thrift writes the compact protocol, fields in the order of their numbers.
type thrift struct {
	bytes.Buffer
	last int
}

func (w *thrift) uvarint(v uint64) *thrift {
	w.Write(binary.AppendUvarint(nil, v))
	return w
}

func (w *thrift) field(id int, kind byte) *thrift {
	w.WriteByte(byte(id-w.last)<<4 | kind)
	w.last = id
	return w
}

func (w *thrift) number(id int, v int64) *thrift {
	return w.field(id, compactI64).uvarint(uint64(v)<<1 ^ uint64(v>>63))
}

func (w *thrift) text(id int, s string) *thrift {
	w.field(id, compactBinary).uvarint(uint64(len(s))).WriteString(s)
	return w
}

func (w *thrift) structure(id int, s *thrift) *thrift {
	w.field(id, compactStruct).Write(s.end())
	return w
}

func (w *thrift) list(id int, elements ...*thrift) *thrift {
	w.field(id, compactList).WriteByte(0xf0 | compactStruct)
	w.uvarint(uint64(len(elements)))
	for _, e := range elements {
		w.Write(e.end())
	}
	return w
}

func (w *thrift) end() []byte {
	w.WriteByte(0)
	return w.Bytes()
}

// forged is a file with one required binary column, whose single page may state anything about itself.
type forged struct {
	rows, values   int64 // stated by the footer and by the page
	codec          codec
	content        []byte
	unpacked       int64 // size that the page states
	length         int64 // size as stored in the file; 0: that of content
	encoding       encoding
	entries        int64 // entries of a dictionary before it, with the same content; 0: none
	dictionaryData []byte
}

func (x forged) file() []byte {
	var b bytes.Buffer
	b.WriteString(magic)
	page := func(kind, values int64, content []byte, header int) {
		h := new(thrift).number(1, kind).number(2, x.unpacked).number(3, max(x.length, int64(len(content))))
		h.structure(header, new(thrift).number(1, values).number(2, int64(x.encoding)).number(3, int64(rle)).number(4, int64(rle)))
		b.Write(h.end())
		b.Write(content)
	}
	meta := new(thrift).number(1, int64(Bytes)).number(4, int64(x.codec)).number(5, x.values).number(7, 100)
	start := int64(b.Len())
	if x.entries > 0 {
		page(dictionaryPage, x.entries, x.dictionaryData, 7)
	}
	meta.number(9, int64(b.Len()))
	if x.entries > 0 {
		meta.number(11, start)
	}
	page(dataPage, x.values, x.content, 5)
	schema := []*thrift{new(thrift).text(4, "schema").number(5, 1), new(thrift).number(1, int64(Bytes)).number(3, 0).text(4, "jpg")}
	group := new(thrift).list(1, new(thrift).number(2, 0).structure(3, meta)).number(3, x.rows)
	footer := new(thrift).number(1, 2).list(2, schema...).number(3, x.rows).list(4, group).end()
	b.Write(footer)
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(footer))))
	b.WriteString(magic)
	return b.Bytes()
}

// value is one binary value in the PLAIN encoding.
func value(s string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(s))), s...)
}

// read opens a file and reads all pages of its columns.
func read(b []byte, limit int64) error {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	for g := range f.Groups {
		for column := range f.Columns {
			c, err := f.Begin(g, column)
			if err != nil {
				return err
			}
			pages, err := c.Pages()
			if err != nil {
				return err
			}
			for p := range pages {
				v, err := c.Load(p, limit)
				if err != nil {
					return err
				}
				for i := range v.Len() {
					if v.Has(i) && v.IsText() {
						v.Bytes(i)
					} else if v.Has(i) {
						v.Number(i)
					}
				}
			}
		}
	}
	return nil
}

func TestForgedFilesAreBuiltRight(t *testing.T) {
	b := forged{rows: 1, values: 1, content: value("picture"), unpacked: 11}.file()
	each(t, open(t, b), 0, func(_ int, v *Values, i int) {
		if string(v.Bytes(i)) != "picture" {
			t.Errorf("%q", v.Bytes(i))
		}
	})
}

// packedZeros are size zero bytes, compressed with each codec.
func packedZeros(t testing.TB, size int) map[codec][]byte {
	zeros := make([]byte, size)
	var gz, br bytes.Buffer
	g := gzip.NewWriter(&gz)
	r := brotli.NewWriter(&br)
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, gerr := g.Write(zeros)
	_, rerr := r.Write(zeros)
	block := make([]byte, lz4.CompressBlockBound(size))
	n, lerr := lz4.CompressBlock(zeros, block, nil)
	if err := errors.Join(gerr, rerr, lerr, g.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	return map[codec][]byte{
		gzipStream: gz.Bytes(), brotliStream: br.Bytes(), zstdFrame: z.EncodeAll(zeros, nil), snappyBlock: snappy.Encode(nil, zeros), lz4Block: block[:n],
	}
}

// allocated is the number of bytes that f allocates in total.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestBombs: a page that decompresses to far more than it states, or that states more than the limit, is refused before it is decompressed.
func TestBombs(t *testing.T) {
	const size = 256 << 20
	for codec, packed := range packedZeros(t, size) {
		for _, c := range []struct {
			promise int64
			want    string
		}{{1000, ""}, {size, "more than the limit for a page"}} {
			b := forged{rows: 1, values: 1, codec: codec, content: packed, unpacked: c.promise}.file()
			var err error
			took := allocated(func() { err = read(b, 64<<20) })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("codec %d, %d stated: error %v", codec, c.promise, err)
			}
			// Snappy and LZ4 compress 256 MiB to 12 and 1 MiB, which are read; brotli has its own window.
			if most := uint64(3*len(packed) + 24<<20); took > most {
				t.Errorf("codec %d, %d stated: took %d bytes of memory, want at most %d", codec, c.promise, took, most)
			}
		}
	}
}

// TestLies: a file that states something impossible about itself is refused, and costs next to nothing.
func TestLies(t *testing.T) {
	good := func() forged { return forged{rows: 1, values: 1, content: value("picture"), unpacked: 11} }
	many := int64(1) << 40
	for name, c := range map[string]struct {
		change func(x *forged)
		want   string
	}{
		"more rows than bytes":            {func(x *forged) { x.rows, x.values = many, many }, "more than the file has bytes"},
		"fewer values than rows":          {func(x *forged) { x.rows = 2 }, "1 values for 2 rows"},
		"a page beyond the file":          {func(x *forged) { x.length = 1 << 20 }, "larger than the file"},
		"a page that promises gigabytes":  {func(x *forged) { x.unpacked, x.codec = 1<<31-1, zstdFrame }, "more than the limit"},
		"a page that promises more still": {func(x *forged) { x.unpacked = many }, "larger than the file"},
		"a value beyond its page":         {func(x *forged) { x.content[3] = 0x7f }, "truncated"},
		"a codec that does not exist":     {func(x *forged) { x.codec = 99 }, "no codec 99"},
		"an encoding that does not exist": {func(x *forged) { x.encoding = 42 }, "encoding 42"},
		"indices without a dictionary":    {func(x *forged) { x.encoding = rleDictionary }, "dictionary is missing"},
		"a dictionary of billions": {func(x *forged) {
			x.encoding, x.entries, x.dictionaryData = rleDictionary, many, x.content
		}, "a dictionary of"},
		"an entry beyond the dictionary": {func(x *forged) {
			x.encoding, x.entries, x.dictionaryData, x.content, x.unpacked = rleDictionary, 1, value("abcdefg"), []byte{8, 2, 9, 0, 0, 0, 0, 0, 0, 0, 0}, 11
		}, "entry 9 of a dictionary of 1"},
		"a delta of billions": {func(x *forged) {
			x.encoding, x.content = deltaLength, append(binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(nil, 128), 4), 1<<40), 0)
			x.unpacked = int64(len(x.content))
		}, "values, but there are 1"},
	} {
		x := good()
		c.change(&x)
		b := x.file()
		var err error
		took := allocated(func() { err = read(b, 64<<20) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if took > 4<<20 {
			t.Errorf("%s: took %d bytes of memory", name, took)
		}
	}
	whole := good().file()
	for cut := range len(whole) {
		if err := read(whole[:cut], 1<<20); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", cut, len(whole))
		}
	}
	for name, b := range map[string][]byte{
		"a list of billions":       new(thrift).field(2, compactList).uvarint(0xf0 | compactStruct).uvarint(1 << 31).Bytes(),
		"a text of billions":       new(thrift).field(6, compactBinary).uvarint(1 << 31).Bytes(),
		"deeply nested structures": bytes.Repeat([]byte{0x1c}, 1<<16),
		"deeply nested lists":      append([]byte{0x99}, bytes.Repeat([]byte{0x19}, 1<<16)...),
	} {
		file := append([]byte(magic), b...)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(b)))
		file = append(file, magic...)
		var err error
		took := allocated(func() { err = read(file, 1<<20) })
		if err == nil || took > 4<<20 {
			t.Errorf("%s: error %v, %d bytes of memory", name, err, took)
		}
	}
	huge := append([]byte(magic), make([]byte, 100)...)
	huge = append(binary.LittleEndian.AppendUint32(huge, 1<<31), magic...)
	if err := read(huge, 1<<20); err == nil || !strings.Contains(err.Error(), "impossible length") {
		t.Errorf("a footer of 2 GiB: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"kinds-1", "kinds-2", "groups"} {
		content, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add(forged{rows: 1, values: 1, content: value("picture"), unpacked: 11}.file())
	f.Fuzz(func(t *testing.T, b []byte) {
		if took := allocated(func() { _ = read(b, 1<<20) }); took > 64<<20+uint64(len(b))*1000 {
			t.Errorf("%d bytes of memory for a file of %d", took, len(b))
		}
	})
}
