// Command draw writes the pictures on which the tiny built-in encoder was trained: those of package synthetic, from seeds that the
// demo never uses, so that the demo's pictures are new to it. scripts/tiny/train.py trains on them.
//
//	go run ./scripts/tiny/draw -out FOLDER -size 48
package main
