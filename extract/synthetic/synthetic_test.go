package synthetic

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestAPictureDependsOnClassSeedAndSizeAlone(t *testing.T) {
	a, err := Draw(3, 7, 32)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Draw(3, 7, 32)
	c, _ := Draw(3, 8, 32)
	if !bytes.Equal(a.Pix, b.Pix) || bytes.Equal(a.Pix, c.Pix) {
		t.Error("the same seed must give the same picture, another seed a different one")
	}
}

// A classifier that knows the mean colour of every class, fitted on the very pictures that it classifies, stays near chance.
func TestMeanColourTellsNothing(t *testing.T) {
	const perClass, size = 60, 24
	classes := len(Classes())
	colour := make([][3]float64, 0, classes*perClass)
	centre := make([][3]float64, classes)
	for c := range classes {
		for i := range perClass {
			m, err := Draw(c, uint64(i), size)
			if err != nil {
				t.Fatal(err)
			}
			var mean [3]float64
			for p := 0; p < len(m.Pix); p += 4 {
				for k := range 3 {
					mean[k] += float64(m.Pix[p+k]) / (size * size)
				}
			}
			colour = append(colour, mean)
			for k := range 3 {
				centre[c][k] += mean[k] / perClass
			}
		}
	}
	right := 0
	for i, v := range colour {
		best, at := 1e18, 0
		for c, w := range centre {
			d := 0.0
			for k := range 3 {
				d += (v[k] - w[k]) * (v[k] - w[k])
			}
			if d < best {
				best, at = d, c
			}
		}
		if at == i/perClass {
			right++
		}
	}
	if share := float64(right) / float64(len(colour)); share > 0.25 {
		t.Errorf("mean colour alone finds %.0f %% of the classes; chance is %d %%", 100*share, 100/classes)
	}
}

func TestWriteMakesClassFolders(t *testing.T) {
	dir := t.TempDir()
	if err := Write(context.Background(), dir, 2, 16, 1); err != nil {
		t.Fatal(err)
	}
	for _, name := range Classes() {
		files, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil || len(files) != 2 {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
	}
}

func TestOutOfRange(t *testing.T) {
	for _, c := range [][2]int{{-1, 32}, {len(Classes()), 32}, {0, 7}, {0, 5000}} {
		if _, err := Draw(c[0], 1, c[1]); err == nil {
			t.Errorf("class %d at size %d is accepted", c[0], c[1])
		}
	}
}
