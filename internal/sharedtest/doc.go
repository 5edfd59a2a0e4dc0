// Package sharedtest finds the reference data with which some tests compare: vectors, images, small encoders and cached features, in a
// folder named shared beside the project or in the one given by ICONIC_SHARED. A test without its data is skipped with a message; with
// ICONIC_SHARED_REQUIRED set it fails, so that continuous integration cannot pass by skipping.
package sharedtest
