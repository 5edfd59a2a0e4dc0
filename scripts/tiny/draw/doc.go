// Command draw writes the images on which the tiny built-in encoder was trained. They come from package synthetic, with seeds that the
// demo never uses, so that the demo's images are new to the encoder. scripts/tiny/train.py trains on them.
//
//	go run ./scripts/tiny/draw -out FOLDER -size 48
package main
