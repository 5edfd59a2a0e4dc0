// Package classify is a run in use: the head of a run folder behind the encoder that it was trained on.
package classify
