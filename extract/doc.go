// Package extract turns a data set of images into a feature store. It is the first stage; what comes after reads the
// store and knows nothing of images.
//
// An item is one image of the data set; a view is one preprocessing of it, the plain one or one with random crops and
// colours; a row is the features of all its views; a shard is a file of rows; a store is all shards of a data set.
//
// Run is a pipeline of five stages, each with a bounded queue before it and buffers that go round:
//
//	list → read, decode, preprocess (workers) → batch (in order) → encode → store (in order)
//
// Workers finish in any order; batches are put together in the order of the items' paths. So the order of rows
// depends on the data alone. The encoder is opened only once there is something to encode.
//
// Processors are shared out so: the session gets them all (Threads), because encoding is nearly all of the work, and
// there is a worker for each (Workers). The session's threads yield while they wait, so workers run in their gaps.
package extract
