// Package cache lists what the program keeps for a user, so as not to make or fetch it again, and removes what is old or large: features
// of images, neighbour graphs, encoders and their weights, the ONNX Runtime library. All of it lies in one folder, iconic in the user's
// cache. Whatever is removed is made or fetched again when it is needed; what somebody works with at the moment is never removed.
package cache
