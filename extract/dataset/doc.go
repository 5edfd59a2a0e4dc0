// Package dataset lists the images of a data set, in an order that depends only on their names, and reads them.
//
// It reads
//
//   - a folder of images: flat, in class folders, nested, or split into train, val and test;
//   - a list of paths, with or without labels and splits, in the dialect under which the files are there;
//   - tar archives, one or a folder of them: class folders, or the WebDataset convention, where 0001.jpg and
//     0001.cls make one sample;
//   - Parquet files, one or a folder of them, with a column of images and one of labels;
//   - the binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), and STL-10 (Coates et al. 2011).
//
// The folder may be a prefix of objects in a bucket; an archive or a Parquet file may be an object or lie behind an https address.
//
// An item is one image: its path, unique in the set and with slashes on every system, and its label, an index into the set's classes.
// Listing opens no image; a broken image is noticed when it is read. Note describes in one sentence what was skipped and why.
package dataset
