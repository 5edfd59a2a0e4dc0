// Package sharedtest finds the reference data that some tests compare with: vectors, images, small encoders and
// cached features, in a folder named shared beside the project or wherever ICONIC_SHARED points. A test without its data is skipped
// with a word that says so; with ICONIC_SHARED_REQUIRED set it fails, so that continuous integration cannot pass by skipping.
package sharedtest
