// Package dataset lists the images of a data set, in an order that depends on their names alone, and reads them.
//
// It knows
//
//   - a folder of images: flat, in class folders, nested, or split into train, val and test;
//   - a list of paths, with or without labels and splits, in the dialect under which the files are there;
//   - tar archives, one or a folder of them: class folders, or the WebDataset convention, where 0001.jpg and
//     0001.cls make one sample;
//   - Parquet files, one or a folder of them, with a column of images and one of labels;
//   - the binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), and STL-10 (Coates et al. 2011).
//
// The folder may be a prefix of objects in a bucket, and an archive or a Parquet file an object or what lies behind an address of https.
//
// An item is one image: its path, unique in the set and with slashes on every system, and its label, an index into
// the set's classes. Listing opens no image; what is broken shows when it is read. What was passed over, and why, a set tells in one Note.
package dataset
