package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"

	"iconic/extract/dataset"
	"iconic/internal/atomicfile"
	"iconic/internal/parquet/hubfile"
)

func main() {
	log.SetFlags(0)
	data := flag.String("data", "", "data set to read: a folder, tar archives, …")
	out := flag.String("out", "", "file to write")
	group := flag.Int("group", 1000, "rows per row group")
	most := flag.Int("rows", 0, "maximum number of rows (0: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := convert(ctx, *data, *out, *group, *most); err != nil {
		log.Fatal(err)
	}
}

func convert(ctx context.Context, data, out string, group, most int) (err error) {
	if data == "" || out == "" || group < 1 || most < 0 {
		return errors.New("give -data and -out, and -group of at least 1")
	}
	set, err := dataset.Open(ctx, data, dataset.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	if set.Raw != nil {
		return errors.New(data + " contains raw pixels, not image files")
	}
	n := len(set.Items)
	if most > 0 {
		n = min(n, most)
	}
	rows := func(yield func(hubfile.Row, error) bool) {
		for i := range n {
			content, err := set.Read(i, nil)
			if err == nil {
				err = ctx.Err()
			}
			if !yield(hubfile.Row{Content: content, Path: set.Items[i].Path, Label: set.Items[i].Label}, err) {
				return
			}
		}
	}
	return atomicfile.Write(out, func(w io.Writer) error { return hubfile.Write(w, set.Classes, group, rows) })
}
