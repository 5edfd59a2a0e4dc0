// Package linear is the linear head: logits of features, and their gradients.
package linear
