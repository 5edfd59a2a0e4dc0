package prediction

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"iconic/classify"
	"iconic/extract"
	"iconic/features"
	"iconic/option"
)

// passMatrices visits the rows of matrices. Too many rows that cannot be classified in one do not prevent visits to the others.
func (w *work) passMatrices(ctx context.Context, names []string) error {
	for _, name := range names {
		prefix := ""
		if len(w.options.Data) > 1 {
			prefix = filepath.ToSlash(name)
		}
		sum := new(extract.Summary)
		if err := w.passMatrix(ctx, name, prefix, sum); err != nil {
			return err
		}
		if err := sum.Judge(w.options.MaxBad); err != nil {
			w.bad = append(w.bad, fmt.Errorf("%s: %w", name, err))
		}
	}
	return nil
}

func (w *work) passMatrix(ctx context.Context, name, prefix string, sum *extract.Summary) (err error) {
	set, err := features.Open(name, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	for _, note := range set.Notes {
		w.hooks.Notef("%s", note)
	}
	if want := w.model.Run.Head.Dim; set.Dim() != want {
		return fmt.Errorf("%s has rows of %d numbers, but run %s was trained on rows of %d: give features of the same encoder", name, set.Dim(), w.model.Run.Dir, want)
	}
	at := w.hooks.Stage(Stage, "rows")
	rows := &classified{model: w.model, rows: set}
	for i, path := range set.Paths {
		sum.Items++
		if err := w.visitRow(ctx, rows, i, Image{Path: within(prefix, path)}, sum); err != nil {
			return err
		}
		if i%1000 == 0 {
			at(i, set.Len())
		}
	}
	at(set.Len(), set.Len())
	return nil
}

// visitRow visits an image by its row. One whose features cannot be classified is counted in sum, and visited with the reason.
func (w *work) visitRow(ctx context.Context, rows *classified, row int, found Image, sum *extract.Summary) error {
	p, bad, err := rows.at(ctx, row)
	switch {
	case err != nil:
		return err
	case bad == nil:
		found.Prediction = p
	case w.options.Strict:
		return option.Errorf("Strict", "%s: its features %s", found.Path, bad.Problem)
	default:
		found.Err = errors.New("its features " + bad.Problem)
		sum.Skip("features that cannot be classified", found.Path, found.Err.Error())
	}
	return w.visit(found)
}

// classified is a block of rows with their predictions.
type classified struct {
	model *classify.Model
	rows  interface {
		Len() int
		Dim() int
		Block(dst []float32, lo, hi int) error
	}
	x   []float32
	lo  int
	all []classify.Prediction
	bad map[int]*classify.RowError // by the row in the block
}

// blockRows is the number of rows that are classified at once.
const blockRows = 4096

// at returns the prediction of a row, or why there is none; rows must be requested in order.
func (c *classified) at(ctx context.Context, row int) (*classify.Prediction, *classify.RowError, error) {
	if row >= c.lo+len(c.all) {
		if err := c.next(ctx, row); err != nil {
			return nil, nil, err
		}
	}
	return &c.all[row-c.lo], c.bad[row-c.lo], nil
}

// next classifies the block that begins with a row.
func (c *classified) next(ctx context.Context, row int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, d := min(blockRows, c.rows.Len()-row), c.rows.Dim()
	if c.x == nil {
		c.x = make([]float32, n*d)
	}
	if err := c.rows.Block(c.x[:n*d], row, row+n); err != nil {
		return err
	}
	c.lo, c.all, c.bad = row, nil, map[int]*classify.RowError{}
	return c.classify(0, n)
}

// classify appends the predictions of rows lo to hi of the block, an empty one for each that has none.
func (c *classified) classify(lo, hi int) error {
	d := c.rows.Dim()
	for lo < hi {
		all, err := c.model.Classify(c.x[lo*d:hi*d], hi-lo)
		var of *classify.RowError
		if err != nil && !errors.As(err, &of) {
			return err
		}
		if of == nil {
			c.all = append(c.all, all...)
			return nil
		}
		bad := lo + of.Row
		if err := c.classify(lo, bad); err != nil {
			return err
		}
		c.all, c.bad[bad], lo = append(c.all, classify.Prediction{}), of, bad+1
	}
	return nil
}
