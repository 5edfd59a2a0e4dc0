// Package sampling draws the batches of a training: anchors in a new order every epoch, and for each one of its neighbours.
package sampling
