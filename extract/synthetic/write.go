package synthetic

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"iconic/internal/atomicfile"
	"iconic/internal/parallel"
)

// Write makes a folder of class folders with perClass PNG files each, size×size. Existing files are overwritten with the same bytes.
func Write(ctx context.Context, folder string, perClass, size int, seed uint64) error {
	names := Classes()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			return fmt.Errorf("synthetic pictures: %w", err)
		}
	}
	return parallel.Blocks(ctx, 0, len(names)*perClass, 1, func(i, _, _ int) error {
		number, item := i/perClass, i%perClass
		m, err := Draw(number, seed+uint64(item)<<20, size)
		if err != nil {
			return err
		}
		name := filepath.Join(folder, names[number], fmt.Sprintf("%s-%04d.png", names[number], item))
		return atomicfile.Write(name, func(w io.Writer) error { return png.Encode(w, m) })
	})
}
