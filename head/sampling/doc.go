// Package sampling draws the batches of a training: anchors in a new order every epoch, and one neighbour for each.
package sampling
