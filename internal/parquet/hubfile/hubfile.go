package hubfile

import (
	"encoding/json"
	"errors"
	"io"
	"iter"

	"github.com/parquet-go/parquet-go"
)

// Row is an image of a data set.
type Row struct {
	Content []byte // content of its file
	Path    string // name of its file
	Label   int    // class; −1: none
}

// record is a row as stored in the file.
type record struct {
	Image struct {
		Bytes []byte `parquet:"bytes,optional,plain"`
		Path  string `parquet:"path,optional,plain"`
	} `parquet:"image,optional"`
	Label int64 `parquet:"label,dict"`
}

func of(row Row) (r record) {
	r.Image.Bytes, r.Image.Path, r.Label = row.Content, row.Path, int64(row.Label)
	return r
}

// Write writes rows in groups of the given size, compressed with Snappy.
func Write(w io.Writer, classes []string, group int, rows iter.Seq2[Row, error]) error {
	type feature struct {
		Names []string `json:"names,omitempty"`
		Type  string   `json:"_type"`
	}
	features := map[string]feature{"image": {Type: "Image"}, "label": {Names: classes, Type: "ClassLabel"}}
	metadata, err := json.Marshal(map[string]any{"info": map[string]any{"features": features}})
	if err != nil {
		return err
	}
	out := parquet.NewGenericWriter[record](w, parquet.Compression(&parquet.Snappy), parquet.KeyValueMetadata("huggingface", string(metadata)),
		parquet.MaxRowsPerRowGroup(int64(group)))
	for row, err := range rows {
		if err != nil {
			return errors.Join(err, out.Close())
		}
		if _, err := out.Write([]record{of(row)}); err != nil {
			return err
		}
	}
	return out.Close()
}
