package main

import (
	"context"
	"flag"
	"log"

	"iconic/extract/synthetic"
)

func main() {
	folder := flag.String("out", "", "folder to write")
	count := flag.Int("count", 600, "images per class")
	size := flag.Int("size", 64, "side in pixels")
	seed := flag.Uint64("seed", 1<<50, "seed of the first image")
	flag.Parse()
	if err := synthetic.Write(context.Background(), *folder, *count, *size, *seed); err != nil {
		log.Fatal(err)
	}
}
