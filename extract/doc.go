// Package extract turns a data set of images into a feature store. It is the first stage; later stages read the store and know nothing
// about images.
//
// An item is one image of the data set; a view is one preprocessing of it, the plain one or one with random crops and
// colours; a row is the features of all its views; a shard is a file of rows; a store is all shards of a data set.
//
// Run is a pipeline of five stages, each with a bounded queue before it and buffers that are reused:
//
//	list → read, decode, preprocess (workers) → batch (in order) → encode → store (in order)
//
// Workers finish in any order; batches are assembled in the order of the items' paths, so the order of rows depends only on the data. The
// encoder is opened only once there is an image to encode.
//
// The session gets all processors (Threads), because encoding is nearly all of the work, and there is one worker for each (Workers). The
// session's threads yield while they wait, so the workers run in their gaps.
package extract
