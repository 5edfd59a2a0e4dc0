// Package optim turns gradients into steps: SGD with momentum, Adam and AdamW, learning-rate schedules, and the exponential moving average
// of weights. All state is in plain slices, so that a checkpoint can store it.
package optim
