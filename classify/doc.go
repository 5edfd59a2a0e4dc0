// Package classify puts a trained run to use: it runs the head of the run folder behind the encoder it was trained on.
//
// Open finds the encoder and starts it. The model then classifies an image.Image (Model.Image), prepared images (Model.Prepared) or features
// (Model.Classify), and Model.Export writes encoder and head as one ONNX file. A program with features but no images calls Read and
// Found.Features, which need no encoder. Predictions include changes made by hand (package curation), unless Options.Raw is set.
//
// Package prediction classifies folders, archives and feature stores; package endpoint answers over HTTP.
package classify
