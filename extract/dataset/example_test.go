package dataset_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"iconic/extract/dataset"
	"iconic/extract/synthetic"
)

// The images of a folder with class folders, one after the other: their labels, and the bytes of their files.
func ExampleSet_All() {
	folder, err := os.MkdirTemp("", "iconic")
	check(err)
	defer os.RemoveAll(folder)
	ctx, pictures := context.Background(), filepath.Join(folder, "pictures")
	check(synthetic.Write(ctx, pictures, 2, 16, 1))

	set, err := dataset.Open(ctx, pictures, dataset.Options{})
	check(err)
	defer set.Close()
	images, read := 0, 0
	for item, content := range set.All() {
		b, err := content()
		check(err)
		if item.Path != "" && len(b) > 0 {
			read++
		}
		images++
	}
	fmt.Println(images, "images,", read, "read,", len(set.Classes), "classes")
	// Output: 20 images, 20 read, 10 classes
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
